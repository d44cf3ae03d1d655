package privatefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// IsOwnedBy reports true: access control lists, which the user's profile folder passes
// on, decide about access, not an owner's id.
func IsOwnedBy(fs.FileInfo, ...int) bool { return true }

// PermissionsOfOthers returns 0, for the reason of IsOwnedBy.
func PermissionsOfOthers(fs.FileInfo) fs.FileMode { return 0 }

// lacksPermissions reports false, for the reason of IsOwnedBy.
func lacksPermissions(fs.FileInfo, fs.FileMode) bool { return false }

// syncFolder does nothing: Windows can't sync a folder.
func syncFolder(string) error { return nil }

// lockFlags are the flags for opening a lock file. Lock itself has checked for links.
const lockFlags = 0

// rename moves a file over another one, even if that one is open. os.Rename can't, but
// os.Root's Rename has the semantics of POSIX (Windows 10 from 1607 on, NTFS).
func rename(from, path string) error {
	folder := filepath.Dir(from)
	if filepath.Dir(path) != folder {
		folder = filepath.Dir(folder) // from is in a folder beside path, or beside its folder
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
