//go:build unix

package privatefile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"forcecred/internal/regularfile"
)

// IsOwnedBy reports whether one of those users owns the file.
func IsOwnedBy(info fs.FileInfo, uids ...int) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	for _, uid := range uids {
		if int(stat.Uid) == uid {
			return true
		}
	}
	return false
}

// PermissionsOfOthers returns what the group and the rest of the world may do.
func PermissionsOfOthers(info fs.FileInfo) fs.FileMode { return info.Mode().Perm() & 0o077 }

// lacksPermissions reports whether one of those permissions is missing.
func lacksPermissions(info fs.FileInfo, permissions fs.FileMode) bool {
	return info.Mode().Perm()&permissions != permissions
}

// syncFolder makes a change of the names in a folder survive a power loss.
func syncFolder(path string) error {
	folder, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer folder.Close()
	err = folder.Sync()
	// Some network and FUSE file systems can't sync a folder.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}

// lockFlags are the flags for opening a lock file.
const lockFlags = regularfile.NoFollow | syscall.O_NONBLOCK

// rename moves a file over another one.
func rename(from, path string) error { return os.Rename(from, path) }
