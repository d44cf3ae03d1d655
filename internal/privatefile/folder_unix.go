//go:build unix

package privatefile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// OwnedBy reports whether one of those users owns the file.
func OwnedBy(info fs.FileInfo, uids ...int) bool {
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

// OthersBits returns what the group and the rest of the world may do.
func OthersBits(info fs.FileInfo) fs.FileMode { return info.Mode().Perm() & 0o077 }

// lacksBits reports whether the owner lacks one of those permissions.
func lacksBits(info fs.FileInfo, bits fs.FileMode) bool { return info.Mode().Perm()&bits != bits }

// syncFolder makes a change of the names in a folder outlive a loss of power.
func syncFolder(path string) error {
	folder, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer folder.Close()
	err = folder.Sync()
	// Some network and FUSE file systems can't do this to a folder.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
