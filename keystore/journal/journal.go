// Package journal keeps, sealed in a file, the refresh token that a keystore did not take.
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

// Journal holds one entry for each org, in Dir/NAME.sealed. Whoever uses an
// org's entry holds the lock of its grant.
type Journal struct {
	Dir string
}

const (
	// reserved is the room that is made for an entry, in bytes: a refresh token
	// has some hundred.
	reserved = 8 << 10
	// maxEntry is the size over which a file is no entry.
	maxEntry = 1 << 20
)

// The endings of the files' names.
const (
	sealedSuffix = ".sealed"
	asideSuffix  = ".bad"
)

// magic begins an entry. A file that begins with a zero byte was reserved, and
// nothing was sealed in it.
var magic = []byte("forcecred-journal-1\n")

// Reserve makes room for org's entry on the disk, so that one that fills up
// afterwards can still take it.
func (j *Journal) Reserve(org keystore.Org) error {
	if err := privatefile.EnsureFolder(j.Dir); err != nil {
		return err
	}
	privatefile.SweepTemp(j.Dir)
	return privatefile.Replace(j.Dir, j.path(org), make([]byte, reserved))
}

// Seal writes entry, encrypted with key, into the room that Reserve made. When
// it returns nil the entry outlives a loss of power.
func (j *Journal) Write(org keystore.Org, key [32]byte, entry []byte) error {
	aead, err := newAEAD(key)
	if err != nil {
		return err
	}
	// In place, where nothing new has to be found on the disk. Were it torn, it
	// would not open, and would be told.
	file, err := privatefile.OpenForWriting(j.path(org))
	if err != nil {
		return err
	}
	sealed := aead.Seal(bytes.Clone(magic), nil, entry, additional(org))
	_, err = file.Write(sealed)
	if err == nil {
		err = file.Truncate(int64(len(sealed)))
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// Open returns org's entry, or nil when nothing was sealed. The error is
// ErrCorrupt when what is there is not an entry that key opens; any other is
// of the file system.
func (j *Journal) Read(org keystore.Org, key [32]byte) ([]byte, error) {
	if info, err := os.Lstat(j.path(org)); err == nil && !info.Mode().IsRegular() {
		return nil, unusable(org, "it is not a regular file")
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
	sealed, ok := bytes.CutPrefix(data, magic)
	if !ok {
		return nil, unusable(org, "it is not a journal entry")
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	entry, err := aead.Open(nil, nil, sealed, additional(org))
	if err != nil {
		return nil, unusable(org, "it is damaged, of another org, or sealed with another key")
	}
	return entry, nil
}

func unusable(org keystore.Org, text string) error {
	return &keystore.Error{Op: "open the journal of " + string(org), Reason: keystore.ErrCorrupt, Err: errors.New(text)}
}

// Quarantine keeps what can't be opened under another name, which it returns.
func (j *Journal) Quarantine(org keystore.Org) (string, error) {
	aside := fmt.Sprintf("%s.%s%s", j.path(org), time.Now().UTC().Format("20060102T150405.000000000Z"), asideSuffix)
	return aside, os.Rename(j.path(org), aside)
}

// File is a file of the journal. A refresh that is under way has one as well,
// of which nothing is sealed yet.
type File struct {
	Path          string
	HasEntry      bool // it holds a refresh token that the next refresh takes up
	IsQuarantined bool // it could not be opened, and was kept under another name
}

// LeftOvers returns the files of the journal, by name.
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
		case strings.HasSuffix(path, asideSuffix):
			all = append(all, File{Path: path, IsQuarantined: true})
		case strings.HasSuffix(path, sealedSuffix):
			all = append(all, File{Path: path, HasEntry: !isReserved(path)})
		}
	}
	return all, nil
}

// isReserved reports whether a file has nothing but the room for an entry.
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

// Delete deletes org's entry, or the room that was made for it. Removing what
// is not there succeeds.
func (j *Journal) Delete(org keystore.Org) error {
	return privatefile.Remove(j.path(org))
}

func (j *Journal) path(org keystore.Org) string {
	return filepath.Join(j.Dir, privatefile.FileName(org)+sealedSuffix)
}

// newAEAD returns AES-256-GCM with a random nonce: each key seals one entry.
func newAEAD(key [32]byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// additional binds an entry to its org.
func additional(org keystore.Org) []byte { return append(bytes.Clone(magic), org...) }
