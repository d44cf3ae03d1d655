package localfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"forcecred/keystore"

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
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &keystore.Error{
			Reason: keystore.ErrUnavailable,
			Err:    fmt.Errorf("%s is not a regular file", path),
			Hint:   "move " + path + " away; forcecred makes a file there itself",
		}
	case !OwnedBy(info, os.Geteuid()):
		return nil, belongsToAnother(path)
	}
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDONLY|lockFlags), flock.SetPermissions(0o600))
	// It tries each time on a file descriptor of its own, so that two callers
	// in one process exclude each other as well.
	if _, err := lock.TryLockContext(ctx, lockPause); err != nil {
		return nil, err
	}
	return lock.Unlock, nil
}
