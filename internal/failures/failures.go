// Package failures records the error code of the last failed refresh of each org, in files without secrets.
package failures

import (
	"encoding/json"
	"path/filepath"
	"time"

	"forcecred/internal/privatefile"
	"forcecred/keystore"
)

// Failures has one file for each org whose refresh failed, Dir/NAME.json. It helps a person
// who looks afterwards. Nothing depends on it: it ignores errors of the file system.
type Failures struct {
	Dir string
}

// record is the content of a file.
type record struct {
	Version int       `json:"version"`
	Code    string    `json:"code"`
	At      time.Time `json:"at"`
}

const (
	version   = 1
	maxRecord = 4 << 10

	// interval is the shortest time between two records of the same code, so that a caller
	// that tries again and again does not wear out the disk.
	interval = time.Minute
)

// Record records that a refresh of org failed at that time, with an error of that code.
func (f *Failures) Record(org keystore.Org, code string, at time.Time) {
	last, lastAt := f.Last(org)
	if age := at.Sub(lastAt); last == code && 0 <= age && age < interval {
		return
	}
	data, err := json.Marshal(record{version, code, at.UTC().Truncate(time.Second)})
	if err != nil || privatefile.EnsureFolder(f.Dir) != nil {
		return
	}
	privatefile.DeleteStaleTemp(f.Dir)
	_ = privatefile.Replace(f.Dir, f.path(org), data)
}

// Last returns the code and the time of org's last failure, or "" if there is none.
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

// Delete deletes the record of org.
func (f *Failures) Delete(org keystore.Org) { _ = privatefile.Remove(f.path(org)) }

func (f *Failures) path(org keystore.Org) string {
	return filepath.Join(f.Dir, privatefile.FileName(org)+".json")
}
