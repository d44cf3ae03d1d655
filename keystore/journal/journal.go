// Package journal stores refresh tokens that a keystore did not accept, encrypted in files.
package journal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"forcecred/internal/privatefile"
	"forcecred/keystore"
)

// Journal holds one entry for each org, in Dir/NAME.sealed. A caller that uses an org's
// entry holds the lock of its grant.
type Journal struct {
	Dir string
}

const (
	// reservedSize is the room that is reserved for an entry, in bytes: a refresh token has
	// some hundred.
	reservedSize = 8 << 10
	// maxEntry is the largest file that may be an entry, in bytes.
	maxEntry = 1 << 20
)

// Suffixes of the files' names.
const (
	entrySuffix      = ".sealed"
	quarantineSuffix = ".bad"
)

// magic begins an entry. A reserved file begins with a zero byte, and has no entry.
var magic = []byte("forcecred-journal-1\n")

// Reserve reserves room for org's entry, so that Write succeeds even if the disk fills up
// meanwhile.
func (j *Journal) Reserve(org keystore.Org) error {
	if err := privatefile.EnsureFolder(j.Dir); err != nil {
		return err
	}
	privatefile.DeleteStaleTemp(j.Dir)
	return privatefile.Replace(j.Dir, j.path(org), make([]byte, reservedSize))
}

// Write writes entry, encrypted with key, into the room that Reserve reserved. If it
// returns nil, the entry survives a power loss.
func (j *Journal) Write(org keystore.Org, key [32]byte, entry []byte) error {
	aead, err := newAEAD(key)
	if err != nil {
		return err
	}
	// Write in place, because the disk may have no room for another file. Read reports an
	// entry that was written in part.
	file, err := privatefile.OpenToOverwrite(j.path(org))
	if err != nil {
		return err
	}
	encrypted := aead.Seal(bytes.Clone(magic), nil, entry, additionalData(org))
	_, err = file.Write(encrypted)
	if err == nil {
		err = file.Truncate(int64(len(encrypted)))
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// Read returns org's entry, or nil if there is none. It returns ErrCorrupt for a file that
// key does not decrypt. Any other error is the file system's.
func (j *Journal) Read(org keystore.Org, key [32]byte) ([]byte, error) {
	if info, err := os.Lstat(j.path(org)); err == nil && !info.Mode().IsRegular() {
		return nil, corruptError(org, "it is not a regular file")
	}
	file, info, err := privatefile.Open(j.path(org), privatefile.NoFollow)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := privatefile.ReadAll(file, info, maxEntry)
	if err != nil {
		return nil, err
	}
	if len(data) > 0 && data[0] == 0 {
		return nil, nil
	}
	encrypted, ok := bytes.CutPrefix(data, magic)
	if !ok {
		return nil, corruptError(org, "it is not a journal entry")
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	entry, err := aead.Open(nil, nil, encrypted, additionalData(org))
	if err != nil {
		return nil, corruptError(org, "it is damaged, of another org, or encrypted with another key")
	}
	return entry, nil
}

func corruptError(org keystore.Org, text string) error {
	return &keystore.Error{Op: "read the journal entry of " + string(org), Reason: keystore.ErrCorrupt, Err: errors.New(text)}
}

// Quarantine renames an entry that can't be read, and returns its new path.
func (j *Journal) Quarantine(org keystore.Org) (string, error) {
	path := fmt.Sprintf("%s.%s%s", j.path(org), time.Now().UTC().Format("20060102T150405.000000000Z"), quarantineSuffix)
	return path, os.Rename(j.path(org), path)
}

// File is a file of the journal. A refresh that is under way has reserved one, without an
// entry.
type File struct {
	Path          string
	HasEntry      bool // it holds a refresh token that the next refresh recovers
	IsQuarantined bool // it could not be read
}

// Files returns the files of the journal, by name.
func (j *Journal) Files() ([]File, error) {
	entries, err := privatefile.ReadDir(j.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []File
	for _, entry := range entries {
		path := filepath.Join(j.Dir, entry.Name())
		switch {
		case strings.HasSuffix(path, quarantineSuffix):
			all = append(all, File{Path: path, IsQuarantined: true})
		case strings.HasSuffix(path, entrySuffix):
			all = append(all, File{Path: path, HasEntry: !isReserved(path)})
		}
	}
	return all, nil
}

// isReserved reports whether a file is reserved and has no entry.
func isReserved(path string) bool {
	file, _, err := privatefile.Open(path, privatefile.NoFollow)
	if err != nil {
		return false
	}
	defer file.Close()
	first := []byte{1}
	_, err = file.Read(first)
	return err == nil && first[0] == 0
}

// Delete deletes org's entry, or the room that was reserved for it. Deleting a missing
// entry succeeds.
func (j *Journal) Delete(org keystore.Org) error {
	return privatefile.Remove(j.path(org))
}

func (j *Journal) path(org keystore.Org) string {
	return filepath.Join(j.Dir, privatefile.FileName(org)+entrySuffix)
}

// newAEAD returns AES-256-GCM with a random nonce: each key encrypts one entry.
func newAEAD(key [32]byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// additionalData binds an entry to its org.
func additionalData(org keystore.Org) []byte { return append(bytes.Clone(magic), org...) }
