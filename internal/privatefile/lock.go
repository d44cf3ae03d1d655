package privatefile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"forcecred/keystore"
	"forcecred/protocol/remedy"

	"github.com/gofrs/flock"
)

// LockSuffix ends the name of a lock file.
const LockSuffix = ".lock"

// lockInterval is the interval of the tries to take a lock.
const lockInterval = 10 * time.Millisecond

// FileLock is a lock on a file. It ends with Release, or with the process.
type FileLock struct {
	file *flock.Flock
	path string
}

// Lock locks the empty file at path. An item can't be locked itself: its replacement would
// not be locked. The file stays after the lock ends, because another process may be
// waiting for it.
func Lock(ctx context.Context, path string) (*FileLock, error) {
	for {
		if err := ensureLockFile(path); err != nil {
			return nil, wrapError(err)
		}
		// Each call uses its own file descriptor, so two callers in one process exclude each
		// other too.
		l := &FileLock{flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDONLY|lockFlags), flock.SetPermissions(0o600)), path}
		if _, err := l.file.TryLockContext(ctx, lockInterval); err != nil {
			return nil, wrapError(err)
		}
		// A program that cleans folders deletes old files. The time also says since when the
		// lock is held. Best effort: the lock holds without it.
		now := time.Now()
		_ = os.Chtimes(path, now, now)
		if l.Check() == nil {
			return l, nil
		}
		_ = l.file.Unlock() // nobody else will take it
	}
}

// Check returns [keystore.ErrLockLost] if the locked file is no longer the one at its path:
// another process would create and lock a new one.
func (l *FileLock) Check() error {
	locked, err := l.file.Stat()
	if err != nil {
		return keystore.ErrLockLost
	}
	there, err := os.Lstat(l.path)
	if err != nil || !os.SameFile(locked, there) {
		return keystore.ErrLockLost
	}
	return nil
}

// Release ends the lock. A second call does nothing.
func (l *FileLock) Release() error { return l.file.Unlock() }

// ensureLockFile creates the file if it is missing. Else it checks that the file is this
// user's, and makes it accessible.
func ensureLockFile(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = makeLockFile(path)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		info, err = os.Lstat(path) // another process was faster
	}
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return &keystore.Error{
			Reason: keystore.ErrUnavailable,
			Err:    fmt.Errorf("%s is not a regular file", path),
			Remedy: remedy.Remedy{Code: "move_file_away", Path: path},
		}
	case !IsOwnedBy(info, os.Geteuid()):
		return OwnerError(path, info)
	case lacksPermissions(info, 0o600):
		return os.Chmod(path, 0o600)
	}
	return nil
}

// makeLockFile creates the file with the same mode under any umask.
func makeLockFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && lacksPermissions(info, 0o600) {
		err = file.Chmod(0o600)
	}
	return errors.Join(err, file.Close())
}
