package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Report is what forcecred wrote to stderr in JSON.
type Report struct {
	Error   *Error   // nil if the request succeeded
	Notices []string // for a person
}

// errorJSON is an Error on the wire.
type errorJSON struct {
	Code       Code             `json:"code"`
	Message    string           `json:"message"`
	Hint       string           `json:"hint,omitempty"`
	Org        string           `json:"org,omitempty"`
	Retryable  bool             `json:"retryable"`
	Salesforce *SalesforceError `json:"salesforce,omitempty"`
}

// DecodeError reads what forcecred wrote to stderr with the error format json. It passes
// over lines of others, such as a dynamic linker's warnings. Its error does not quote
// the text.
func DecodeError(stderr []byte) (Report, error) {
	for line := range bytes.Lines(stderr) {
		var report struct {
			Version int        `json:"version"`
			Error   *errorJSON `json:"error"`
			Notices []string   `json:"notices"`
		}
		if json.Unmarshal(line, &report) != nil || report.Version != Version {
			continue
		}
		if e := report.Error; e != nil && e.Code != "" {
			return Report{&Error{Code: e.Code, Message: e.Message, Hint: e.Hint, Org: e.Org, Retryable: e.Retryable, Salesforce: e.Salesforce}, report.Notices}, nil
		}
		if report.Error == nil && len(report.Notices) > 0 {
			return Report{nil, report.Notices}, nil
		}
	}
	return Report{}, errors.New("there is no error in JSON")
}

// CodeOf returns the code of an exit status, or [Internal] if no code has it.
func CodeOf(status int) Code {
	for code, s := range exitStatus {
		if s == status {
			return code
		}
	}
	return Internal
}
