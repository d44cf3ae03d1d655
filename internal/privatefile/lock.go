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

// Lock locks the empty file at path. An item can't be locked itself: its replacement would
// not be locked. The file stays after the lock ends, because another process may be
// waiting for it.
func Lock(ctx context.Context, path string) (unlock func() error, err error) {
	for {
		if err := ensureLockFile(path); err != nil {
			return nil, wrapError(err)
		}
		lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDONLY|lockFlags), flock.SetPermissions(0o600))
		// Each call uses its own file descriptor, so two callers in one process exclude each
		// other too.
		if _, err := lock.TryLockContext(ctx, lockInterval); err != nil {
			return nil, wrapError(err)
		}
		if isAt(lock, path) {
			return lock.Unlock, nil
		}
		_ = lock.Unlock() // nobody else will take it
	}
}

// isAt reports whether the locked file is still the one at path. A program that cleans
// folders may have deleted it while this process waited: the next process would create
// and lock another one.
func isAt(lock *flock.Flock, path string) bool {
	locked, err := lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(locked, there)
}

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
