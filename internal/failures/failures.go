// Package failures remembers, in files without secrets, with which class of error the last refresh of an org has failed.
package failures

import (
	"encoding/json"
	"path/filepath"
	"time"

	"forcecred/internal/privatefile"
	"forcecred/keystore"
)

// Failures has one file for each org that has failed, Dir/NAME.json. It serves a
// person who looks afterwards, and nothing depends on it: what can't be written
// or read is left.
type Failures struct {
	Dir string
}

// record is what a file holds.
type record struct {
	Version int       `json:"version"`
	Code    string    `json:"code"`
	At      time.Time `json:"at"`
}

const (
	version   = 1
	maxRecord = 4 << 10

	// fresh is how long a record of the same code is left as it is: a caller that
	// tries again and again does not wear out the disk.
	fresh = time.Minute
)

// Record remembers that a refresh of org failed at that time, with an error of
// that code.
func (f *Failures) Record(org keystore.Org, code string, at time.Time) {
	known, noted := f.Last(org)
	if age := at.Sub(noted); known == code && 0 <= age && age < fresh {
		return
	}
	data, err := json.Marshal(record{version, code, at.UTC().Truncate(time.Second)})
	if err != nil || privatefile.EnsureFolder(f.Dir) != nil {
		return
	}
	privatefile.SweepTemp(f.Dir)
	_ = privatefile.Replace(f.Dir, f.path(org), data)
}

// Last returns the code of org's last failure and when it was, or "" when none is
// known.
func (f *Failures) Last(org keystore.Org) (code string, at time.Time) {
	file, info, err := privatefile.Open(f.path(org), privatefile.NoFollow)
	if err != nil {
		return "", time.Time{}
	}
	defer file.Close()
	data, err := privatefile.ReadAll(file, info, maxRecord)
	var r record
	if err != nil || json.Unmarshal(data, &r) != nil || r.Version != version {
		return "", time.Time{}
	}
	return r.Code, r.At
}

// Delete deletes what is known of org.
func (f *Failures) Delete(org keystore.Org) { _ = privatefile.Remove(f.path(org)) }

func (f *Failures) path(org keystore.Org) string {
	return filepath.Join(f.Dir, privatefile.FileName(org)+".json")
}
