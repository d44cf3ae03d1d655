package main

import (
	"encoding/json"
	"os"
)

// Report is one run on one machine. docs/performance.md describes its JSON.
type Report struct {
	Command string  `json:"command"`
	Machine Machine `json:"machine"`
	Tables  []Table `json:"tables"`
}

// Table has forcecred in its first row, and the programs that it is compared with in the
// others.
type Table struct {
	Title  string `json:"title"`
	Rounds int    `json:"rounds"` // of each row
	Rows   []Row  `json:"rows"`
}

// Row has the figures of a candidate, or the reason why it did not run.
type Row struct {
	Name   string `json:"name"`
	Absent string `json:"absent,omitempty"`
	Figures
	Budget *Figures `json:"budget,omitempty"` // limits of some of the figures
}

// Figures are 0 if they were not measured.
type Figures struct {
	MedianMS     float64 `json:"median_ms,omitempty"`
	P90MS        float64 `json:"p90_ms,omitempty"`
	PerSecond    float64 `json:"per_second,omitempty"`
	Requests     int     `json:"token_requests,omitempty"` // the most in any round
	Instructions int     `json:"instructions,omitempty"`   // the median
	PeakMB       float64 `json:"peak_mb,omitempty"`        // the most memory in any round, in 10⁶ bytes
	Ratio        float64 `json:"ratio,omitempty"`          // the median of the table's first row, divided by this row's
}

func (r Report) writeJSON(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}
