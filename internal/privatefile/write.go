// Package privatefile keeps files that are one user's alone, locks among them.
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

// TempPrefix marks a file that is being written, so that one of a process that
// was killed is known later on.
const TempPrefix = ".forcecred-tmp-"

// TempLife is more than a write takes on the slowest disk. A process that was
// stopped for longer finds its file gone, and says that its write failed.
const TempLife = time.Minute

// Replace writes data to path, readable by its owner only. Whoever reads
// path meanwhile, or after a crash, sees the old file or the new one. The data
// goes to the folder temp first, which must be on the same file system.
//
// An error means that the old file is still there, but for one of syncing the
// folder: then the new one is there and may not outlive a loss of power.
func Replace(temp, path string, data []byte) error {
	return ReplaceAs(temp, path, data, 0o600)
}

// ReplaceAs is Replace for a file that is another program's, and keeps the mode
// that the program has given it.
func ReplaceAs(temp, path string, data []byte, mode fs.FileMode) error {
	written, err := writeTemp(temp, data, mode)
	if err != nil {
		return explain(err)
	}
	if err := moveOver(written, path); err != nil {
		return errors.Join(explain(err), os.Remove(written))
	}
	return explain(syncFolder(filepath.Dir(path)))
}

// OpenForWriting opens a file that is there, to be written in place.
func OpenForWriting(path string) (*os.File, error) {
	file, _, err := regularfile.Open(path, os.O_WRONLY|NoFollow)
	return file, explain(err)
}

// Remove removes a file for good: when it returns nil, a loss of power does not
// bring the file back. Removing what is not there succeeds.
func Remove(path string) error {
	err := regularfile.RetryWhileInUse(func() error { return os.Remove(path) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return explain(err)
	}
	return explain(syncFolder(filepath.Dir(path)))
}

// writeTemp writes data to a new file in folder, down to the disk, and returns
// its path. On failure no file is left.
func writeTemp(folder string, data []byte, mode fs.FileMode) (path string, err error) {
	file, err := os.CreateTemp(folder, TempPrefix+"*") // of mode 0600, unless the umask takes more
	if err != nil {
		return "", err
	}
	info, err := file.Stat()
	if err == nil && (mode != 0o600 || lacksBits(info, mode)) {
		err = file.Chmod(mode)
	}
	if err == nil {
		_, err = file.Write(data)
	}
	if err == nil {
		err = file.Sync()
	}
	// Some file systems report a failed write at the close.
	if err := errors.Join(err, file.Close()); err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}

// moveOver renames from to path. A link or a device at path was put there by
// someone who wanted it to stay.
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

// SweepTemp removes what killed processes left half-written in folder. It is
// best effort: a left-over takes space and does no other harm.
func SweepTemp(folder string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), TempPrefix) {
			continue
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > TempLife {
			_ = os.Remove(filepath.Join(folder, entry.Name()))
		}
	}
}
