// Package refusals stores how Salesforce last refused the grant of each org, in files without secrets.
package refusals

import (
	"path/filepath"

	"forcecred/internal/privatefile"
	"forcecred/keystore"
)

// Refusals has one file for each org whose grant was refused, Dir/NAME.json. It ignores
// errors of the file system: a record that can't be stored or read is absent.
type Refusals struct {
	Dir string
}

// maxRecord is more than the longest record: four texts of 256 characters, and digests.
const maxRecord = 16 << 10

// Save replaces the record of org.
func (r *Refusals) Save(org keystore.Org, record []byte) {
	if privatefile.EnsureFolder(r.Dir) != nil {
		return
	}
	privatefile.DeleteStaleTemp(r.Dir)
	_ = privatefile.Replace(r.Dir, r.path(org), record)
}

// Load returns the record of org, or nil if there is none.
func (r *Refusals) Load(org keystore.Org) []byte {
	file, info, err := privatefile.Open(r.path(org), privatefile.NoFollow)
	if err != nil {
		return nil
	}
	defer file.Close()
	record, err := privatefile.ReadAll(file, info, maxRecord)
	if err != nil {
		return nil
	}
	return record
}

// Delete deletes the record of org.
func (r *Refusals) Delete(org keystore.Org) { _ = privatefile.Remove(r.path(org)) }

func (r *Refusals) path(org keystore.Org) string {
	return filepath.Join(r.Dir, privatefile.FileName(org)+".json")
}
