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

// NoFollow opens one of forcecred's own files, which is never a symbolic link.
const NoFollow = regularfile.NoFollow

// Open opens a regular file for reading, with the flags 0 or NoFollow. With NoFollow, it
// gives the owner a missing permission.
func Open(path string, flags int) (*os.File, fs.FileInfo, error) {
	file, info, err := regularfile.Open(path, os.O_RDONLY|flags)
	if err == nil || flags&NoFollow == 0 {
		return file, info, err
	}
	if errors.Is(err, fs.ErrPermission) && repairAny(filepath.Dir(path), path) {
		file, info, err = regularfile.Open(path, os.O_RDONLY|flags)
	}
	return file, info, wrapError(err)
}

// ReadAll reads the file that Open opened. It returns ErrCorrupt for more than limit bytes:
// forcecred writes no file as large.
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
	if errors.Is(err, fs.ErrPermission) && repairAny(path) {
		entries, err = os.ReadDir(path)
	}
	return entries, wrapError(err)
}
