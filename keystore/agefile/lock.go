package agefile

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

// lockPause is the time between two tries to take a lock.
const lockPause = 10 * time.Millisecond

// Lock takes the lock that guards org's grant. It returns ErrUnavailable, or
// an error that wraps the context's. Calling unlock again does nothing.
func (s *Store) Lock(ctx context.Context, org keystore.Org) (unlock func() error, err error) {
	op := "lock " + label(keystore.Key{Kind: keystore.KindGrant, Org: org})
	lock, err := s.lock(ctx, org)
	if err != nil {
		return nil, fault(op, err)
	}
	return func() error {
		if err := lock.Unlock(); err != nil {
			return fault("un"+op, err)
		}
		return nil
	}, nil
}

func (s *Store) lock(ctx context.Context, org keystore.Org) (*flock.Flock, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := keystore.ParseOrg(string(org)); err != nil {
		return nil, err
	}
	if err := ensureFolder(s.path(locksFolder)); err != nil {
		return nil, err
	}
	return lockFile(ctx, s.path(locksFolder, encodeOrg(org)+lockSuffix))
}

// lockFile locks the file at path, an empty one that exists for nothing else:
// the lock on an item would be lost when the item is replaced. The file stays
// when the lock ends, since another process may wait for it.
func lockFile(ctx context.Context, path string) (*flock.Flock, error) {
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
	case !ownedBy(info, os.Geteuid()):
		return nil, belongsToAnother(path)
	}
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDONLY|noFollow|noWait), flock.SetPermissions(0o600))
	// It tries each time on a file descriptor of its own, so that two callers
	// in one process exclude each other as well.
	if _, err := lock.TryLockContext(ctx, lockPause); err != nil {
		return nil, err
	}
	return lock, nil
}
