package protocol

import "io"

// Finding is the result of one check of `doctor`. It holds no secret.
type Finding struct {
	Check  string // what was checked; does not change within version 1
	State  State
	Detail string
	Next   string // what to do about it; "" if there is nothing to do
}

// State is the severity of a finding.
type State string

const (
	OK   State = "ok"
	Warn State = "warn" // it works now, but may fail later or for other users
	Fail State = "fail" // an org cannot be refreshed, stored or reached
)

// Count returns the number of findings with that state.
func Count(findings []Finding, state State) int {
	n := 0
	for _, f := range findings {
		if f.State == state {
			n++
		}
	}
	return n
}

// EncodeFindings writes the answer to `doctor`, in the order of findings.
func EncodeFindings(w io.Writer, findings []Finding) error {
	type findingJSON struct {
		Check  string `json:"check"`
		State  State  `json:"state"`
		Detail string `json:"detail"`
		Next   string `json:"next,omitempty"`
	}
	all := make([]findingJSON, 0, len(findings))
	for _, f := range findings {
		all = append(all, findingJSON(f))
	}
	return writeJSON(w, struct {
		Version  int           `json:"version"`
		Findings []findingJSON `json:"findings"`
		OK       int           `json:"ok"`
		Warn     int           `json:"warn"`
		Fail     int           `json:"fail"`
	}{Version, all, Count(findings, OK), Count(findings, Warn), Count(findings, Fail)})
}
