// Package privatefile reads, writes and locks files that only one user can access.
package privatefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"forcecred/internal/regularfile"
)

// TempPrefix begins the name of a file that is being written, or that a killed process has
// left.
const TempPrefix = ".forcecred-tmp-"

// TempMaxAge is longer than a write takes on the slowest disk. A process that was stopped
// for longer finds its file deleted, and its write fails.
const TempMaxAge = time.Minute

// Replace writes data to path, readable by its owner only. A reader meanwhile, or after a
// crash, sees the old file or the new one. Replace writes to the folder temp first, which
// must be on the same file system.
//
// After an error the old file is still there. One error is different: if syncing the folder
// fails, the new file is there and may not survive a power loss.
func Replace(temp, path string, data []byte) error {
	return ReplaceAs(temp, path, data, 0o600)
}

// ReplaceAs is Replace for another program's file, which has another mode.
func ReplaceAs(temp, path string, data []byte, mode fs.FileMode) error {
	if err := replace(temp, path, data, mode, (*os.File).Sync); err != nil {
		return wrapError(err)
	}
	return wrapError(syncFolder(filepath.Dir(path)))
}

// ReplaceCache is Replace for data that can be got again. It waits for no disk: after a power
// loss the old file may be there, or an empty one.
func ReplaceCache(temp, path string, data []byte) error {
	return wrapError(replace(temp, path, data, 0o600, func(*os.File) error { return nil }))
}

func replace(temp, path string, data []byte, mode fs.FileMode, sync func(*os.File) error) error {
	written, err := writeTemp(temp, data, mode, sync)
	if err != nil {
		return err
	}
	if err := moveOver(written, path); err != nil {
		return errors.Join(err, os.Remove(written))
	}
	return nil
}

// OpenToOverwrite opens an existing file for writing in place.
func OpenToOverwrite(path string) (*os.File, error) {
	file, _, err := regularfile.Open(path, os.O_WRONLY|NoFollow)
	return file, wrapError(err)
}

// Remove removes a file. If it returns nil, the file stays removed after a power loss.
// Removing a missing file succeeds.
func Remove(path string) error {
	err := remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return wrapError(err)
	}
	return wrapError(syncFolder(filepath.Dir(path)))
}

// RemoveUnsynced is Remove for a file that does no harm if it is back after a power loss. It
// does not wait for the disk.
func RemoveUnsynced(path string) error {
	if err := remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return wrapError(err)
	}
	return nil
}

func remove(path string) error {
	return regularfile.RetryWhileInUse(func() error { return os.Remove(path) })
}

// Move renames a file. If it returns nil, the new name survives a power loss.
func Move(from, to string) error {
	if err := regularfile.RetryWhileInUse(func() error { return rename(from, to) }); err != nil {
		return wrapError(err)
	}
	err := syncFolder(filepath.Dir(to))
	if filepath.Dir(from) != filepath.Dir(to) {
		err = errors.Join(err, syncFolder(filepath.Dir(from)))
	}
	return wrapError(err)
}

// writeTemp writes data to a new file in folder, calls sync, and returns its path. After a
// failure no file is left.
func writeTemp(folder string, data []byte, mode fs.FileMode, sync func(*os.File) error) (path string, err error) {
	file, err := os.CreateTemp(folder, TempPrefix+"*") // the mode is 0600, or less by the umask
	if err != nil {
		return "", err
	}
	info, err := file.Stat()
	if err == nil && (mode != 0o600 || lacksPermissions(info, mode)) {
		err = file.Chmod(mode)
	}
	if err == nil {
		_, err = file.Write(data)
	}
	if err == nil {
		err = sync(file)
	}
	// Some file systems report a failed write when the file is closed.
	if err := errors.Join(err, file.Close()); err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}

// moveOver renames from to path. It does not replace a link or a device, because somebody
// has put it there on purpose.
func moveOver(from, path string) error {
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		return &fs.PathError{Op: "replace", Path: path, Err: regularfile.ErrNotRegular}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return regularfile.RetryWhileInUse(func() error { return rename(from, path) })
}

// DeleteStaleTemp deletes the unfinished files of killed processes in folder. Best effort:
// such a file only takes space.
func DeleteStaleTemp(folder string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), TempPrefix) {
			continue
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > TempMaxAge {
			_ = os.Remove(filepath.Join(folder, entry.Name()))
		}
	}
}
