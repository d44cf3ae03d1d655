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

// LockSuffix ends the name of a file that is there to be locked.
const LockSuffix = ".lock"

// lockPause is the time between two tries to take a lock.
const lockPause = 10 * time.Millisecond

// Lock locks the file at path, an empty one that exists for nothing else:
// the lock on an item would be lost when the item is replaced. The file stays
// when the lock ends, since another process may wait for it.
func Lock(ctx context.Context, path string) (unlock func() error, err error) {
	if err := ensureLockFile(path); err != nil {
		return nil, explain(err)
	}
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDONLY|lockFlags), flock.SetPermissions(0o600))
	// It tries each time on a file descriptor of its own, so that two callers
	// in one process exclude each other as well.
	if _, err := lock.TryLockContext(ctx, lockPause); err != nil {
		return nil, explain(err)
	}
	return lock.Unlock, nil
}

// ensureLockFile makes the file when it is missing, and otherwise sees to it that
// it is a file of this user that can be opened.
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
	case !OwnedBy(info, os.Geteuid()):
		return BelongsToAnother(path, info)
	case lacksBits(info, 0o600):
		return os.Chmod(path, 0o600)
	}
	return nil
}

// makeLockFile makes the file with the same mode under any umask.
func makeLockFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && lacksBits(info, 0o600) {
		err = file.Chmod(0o600)
	}
	return errors.Join(err, file.Close())
}
