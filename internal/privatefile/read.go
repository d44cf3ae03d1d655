package privatefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"forcecred/internal/regularfile"
	"forcecred/keystore"
)

// NoFollow is for one of forcecred's own files, which is no symbolic link.
const NoFollow = regularfile.NoFollow

// Open opens a regular file for reading, by flags that are 0 or NoFollow. With
// NoFollow, a file whose owner lacks a permission by mistake gets it.
func Open(path string, flags int) (*os.File, fs.FileInfo, error) {
	file, info, err := regularfile.Open(path, os.O_RDONLY|flags)
	if err == nil || flags&NoFollow == 0 {
		return file, info, err
	}
	if errors.Is(err, fs.ErrPermission) && anyRepaired(filepath.Dir(path), path) {
		file, info, err = regularfile.Open(path, os.O_RDONLY|flags)
	}
	return file, info, explain(err)
}

// ReadAll reads the file that Open opened. More than limit bytes are
// ErrCorrupt: nothing that forcecred reads is as large.
func ReadAll(file *os.File, info fs.FileInfo, limit int64) ([]byte, error) {
	data, err := regularfile.ReadAll(file, info, limit)
	if errors.Is(err, regularfile.ErrTooLarge) {
		err = &keystore.Error{Reason: keystore.ErrCorrupt, Err: fmt.Errorf("%s has more than %d bytes", file.Name(), limit)}
	}
	return data, err
}

// ReadDir returns the entries of one of forcecred's own folders.
func ReadDir(path string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrPermission) && anyRepaired(path) {
		entries, err = os.ReadDir(path)
	}
	return entries, explain(err)
}
