package agefile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"forcecred/internal/privatefile"
	"forcecred/keystore"
)

// Lock takes the lock that guards org's grant. It returns ErrUnavailable, or an error that
// wraps the context's.
func (s *Store) Lock(ctx context.Context, org keystore.Org) (keystore.Lock, error) {
	op := "lock " + keystore.Key{Kind: keystore.KindGrant, Org: org}.Label()
	lock, err := s.lock(ctx, org)
	if err != nil {
		return nil, keystore.Wrap(op, keystore.ExplainTimeout(err, func() []keystore.LockPlace { return s.LockPlaces(ctx, org) }))
	}
	if s.hasFolder() {
		s.locked.Store(org, true)
	}
	return keystore.NewLock(op, lock.Check, func() error {
		s.locked.Delete(org)
		return lock.Release()
	}), nil
}

func (s *Store) lock(ctx context.Context, org keystore.Org) (*privatefile.FileLock, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := keystore.ParseOrg(string(org)); err != nil {
		return nil, err
	}
	if err := privatefile.EnsureFolder(s.path(locksFolder)); err != nil {
		return nil, err
	}
	return privatefile.Lock(ctx, s.lockFile(org))
}

// lockFile returns the file that the holder of org's lock has locked. It is in the folder of
// the items: whoever can read them takes the same lock.
func (s *Store) lockFile(org keystore.Org) string {
	return s.path(locksFolder, privatefile.FileName(org)+privatefile.LockSuffix)
}

// LockPlaces returns the lock of org's grant.
func (s *Store) LockPlaces(_ context.Context, org keystore.Org) []keystore.LockPlace {
	path := s.lockFile(org)
	return []keystore.LockPlace{{Name: path, Holder: privatefile.LockHolder(path)}}
}

// hasFolder reports whether the folder of the items is there.
func (s *Store) hasFolder() bool {
	_, err := os.Lstat(s.path(storeFolder))
	return !errors.Is(err, fs.ErrNotExist)
}

// errFolderGone says that the folder was there when the lock was taken. A new one in its
// place would have the only valid refresh token, without the identity that decrypts it,
// when the user's home comes back.
func errFolderGone(path string) error {
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    fmt.Errorf("%s was moved or unmounted meanwhile", path),
	}
}
