// Package journal stores refresh tokens that a keystore did not accept, encrypted in files.
package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"forcecred/internal/privatefile"
	"forcecred/keystore"
)

// Journal holds one entry for each org, in the folder that the org's [Key] names. A caller
// that uses an org's entry holds the lock of its grant.
type Journal struct {
	// Dir is the folder of new entries. Each keystore has its own: an entry belongs to the
	// keystore that has its key.
	Dir string

	// OldDir is the folder where all keystores of a home had their entries, or "".
	OldDir string

	// KeepKey says that the next entry uses the key again. It is for a keystore in files beside
	// the journal: reserving an entry proves that they take a write, so that no new key need be
	// stored for each refresh.
	KeepKey bool
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

// Reserve reserves room for org's entry, so that the entry can be written even if the disk
// fills up meanwhile. It moves an entry that is there out of the way.
func (j *Journal) Reserve(org keystore.Org, item []byte) error {
	key, err := parseKey(item)
	if err != nil {
		return err
	}
	folder := j.folderOf(key)
	if err := privatefile.EnsureFolder(folder); err != nil {
		return err
	}
	privatefile.DeleteStaleTemp(folder)
	path := entryPath(folder, org)
	// A link or a device is not moved: Replace refuses it.
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && !isReserved(path) {
		if _, err := quarantine(path); err != nil {
			return err
		}
	}
	return privatefile.Replace(folder, path, make([]byte, reservedSize))
}

// Open opens the room that Reserve reserved. One Write encrypts an entry with the key in item
// and stores it: if it returns nil, the entry survives a power loss. If it fails, another Write
// may succeed.
func (j *Journal) Open(org keystore.Org, item []byte) (io.WriteCloser, error) {
	key, err := parseKey(item)
	if err != nil {
		return nil, err
	}
	// An entry is written in place, because the disk may have no room for another file. Read
	// reports an entry that was written in part.
	file, err := privatefile.OpenToOverwrite(entryPath(j.folderOf(key), org))
	if err != nil {
		return nil, err
	}
	return room{file, org, key}, nil
}

// room is an open file for one entry. A process that has it can write the entry although it
// can open no other file.
type room struct {
	*os.File
	org keystore.Org
	key Key
}

func (r room) Write(entry []byte) (int, error) {
	data, err := encrypt(r.org, r.key, entry)
	if err != nil {
		return 0, err
	}
	_, err = r.File.Write(data)
	if err == nil {
		err = r.File.Sync()
	}
	if err != nil {
		// The next write replaces what this one wrote, which may be a part of the entry.
		_, seekErr := r.File.Seek(0, io.SeekStart)
		return 0, errors.Join(err, seekErr)
	}
	return len(entry), nil
}

// Read returns org's entry, or nil if there is none. It returns ErrCorrupt for a file that
// the key in item does not decrypt, and ErrUnavailable for one of a newer forcecred. Any
// other error is the file system's. An item that has no key decrypts nothing.
func (j *Journal) Read(org keystore.Org, item []byte) ([]byte, error) {
	key, keyErr := parseKey(item)
	if errors.Is(keyErr, errNewer) {
		return nil, keyErr
	}
	if keyErr == nil {
		if err := j.adopt(org, key); err != nil {
			return nil, err
		}
	}
	for _, folder := range j.folders(key) {
		if entry, err := readEntry(entryPath(folder, org), org, key); entry != nil || err != nil {
			return entry, err
		}
	}
	return nil, nil
}

// adopt moves an entry that the key decrypts from OldDir into the journal. It leaves any
// other entry there alone: that belongs to another keystore.
func (j *Journal) adopt(org keystore.Org, key Key) error {
	if j.OldDir == "" {
		return nil
	}
	old, path := entryPath(j.OldDir, org), entryPath(j.Dir, org)
	if entry, err := readEntry(old, org, key); entry == nil || err != nil {
		if errors.Is(err, keystore.ErrCorrupt) {
			return nil
		}
		return err
	}
	if _, err := os.Lstat(path); err == nil && !isReserved(path) {
		return nil // it is newer
	}
	if err := privatefile.EnsureFolder(j.Dir); err != nil {
		return err
	}
	return privatefile.Move(old, path)
}

// readEntry returns the entry in a file, or nil if it has none.
func readEntry(path string, org keystore.Org, key Key) ([]byte, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, corruptError(org, "it is not a regular file")
	}
	file, info, err := privatefile.Open(path, privatefile.NoFollow)
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
	return decrypt(org, key, data)
}

// Quarantine renames an entry that can't be read, and returns its new path.
func (j *Journal) Quarantine(org keystore.Org, item []byte) (string, error) {
	key, _ := parseKey(item)
	for _, folder := range j.folders(key) {
		path := entryPath(folder, org)
		if info, err := os.Lstat(path); err == nil && !(info.Mode().IsRegular() && isReserved(path)) {
			return quarantine(path)
		}
	}
	return "", fs.ErrNotExist
}

func quarantine(path string) (string, error) {
	to := fmt.Sprintf("%s.%s%s", path, time.Now().UTC().Format("20060102T150405.000000000Z"), quarantineSuffix)
	return to, privatefile.Move(path, to)
}

// NeedsKey reports whether a file may be encrypted with the key in item: org's entry, or
// one that was quarantined. It is true if that can't be found out.
func (j *Journal) NeedsKey(org keystore.Org, item []byte) bool {
	key, err := parseKey(item)
	if err != nil {
		return errors.Is(err, errNewer)
	}
	for _, folder := range append(j.folders(key), j.OldDir) {
		if folder == "" {
			continue
		}
		path := entryPath(folder, org)
		if info, err := os.Lstat(path); err == nil && !(info.Mode().IsRegular() && isReserved(path)) || err != nil && !errors.Is(err, fs.ErrNotExist) {
			return true
		}
		entries, err := privatefile.ReadDir(folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return true
		}
		for _, entry := range entries {
			if strings.HasPrefix(entry.Name(), filepath.Base(path)+".") && strings.HasSuffix(entry.Name(), quarantineSuffix) {
				return true
			}
		}
	}
	return false
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
	all, err := filesIn(j.Dir)
	if err != nil || j.OldDir == "" {
		return all, err
	}
	old, err := filesIn(j.OldDir)
	return append(all, old...), err
}

func filesIn(folder string) ([]File, error) {
	entries, err := privatefile.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []File
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
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
// entry succeeds. After a power loss the file may be back: it replaces a refresh token that the
// grant no longer has, so nobody uses it.
func (j *Journal) Delete(org keystore.Org, item []byte) error {
	key, _ := parseKey(item)
	var all []error
	for _, folder := range j.folders(key) {
		all = append(all, privatefile.RemoveUnsynced(entryPath(folder, org)))
	}
	return errors.Join(all...)
}

// folderOf returns the folder where new entries with the key are.
func (j *Journal) folderOf(key Key) string { return cmp.Or(key.Folder, j.Dir) }

// folders returns the folders where an entry with the key may be. A home that was moved has
// it in Dir.
func (j *Journal) folders(key Key) []string {
	if key.Folder == "" || key.Folder == j.Dir {
		return []string{j.Dir}
	}
	return []string{key.Folder, j.Dir}
}

func entryPath(folder string, org keystore.Org) string {
	return filepath.Join(folder, privatefile.FileName(org)+entrySuffix)
}
