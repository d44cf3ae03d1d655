package privatefile

import (
	"errors"
	"os"
	"path/filepath"
)

// lockFlags are for opening a file that is to be locked, where Lock has looked
// for links by itself.
const lockFlags = 0

// rename moves a file over another one, also while that is open: os.Rename can't,
// but os.Root's asks for what POSIX says of it (Windows 10 from 1607 on, NTFS).
func rename(from, path string) error {
	folder := filepath.Dir(from)
	if filepath.Dir(path) != folder {
		folder = filepath.Dir(folder) // from lies in a folder beside path, or beside its folder
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	relFrom, errFrom := filepath.Rel(folder, from)
	relPath, errPath := filepath.Rel(folder, path)
	if err := errors.Join(errFrom, errPath); err != nil {
		return err
	}
	return root.Rename(relFrom, relPath)
}
