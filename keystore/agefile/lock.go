package agefile

import (
	"context"

	"forcecred/internal/privatefile"
	"forcecred/keystore"
)

// Lock takes the lock that guards org's grant. It returns ErrUnavailable, or an error that
// wraps the context's. A second call of unlock does nothing.
func (s *Store) Lock(ctx context.Context, org keystore.Org) (unlock func() error, err error) {
	op := "lock " + keystore.Key{Kind: keystore.KindGrant, Org: org}.Label()
	release, err := s.lock(ctx, org)
	if err != nil {
		return nil, keystore.Wrap(op, err)
	}
	return func() error {
		if err := release(); err != nil {
			return keystore.Wrap("un"+op, err)
		}
		return nil
	}, nil
}

func (s *Store) lock(ctx context.Context, org keystore.Org) (release func() error, err error) {
	path, err := s.LockFile(ctx, org)
	if err != nil {
		return nil, err
	}
	return privatefile.Lock(ctx, path)
}

// LockFile returns the file that the holder of org's lock has locked. It creates the file's
// folder.
func (s *Store) LockFile(ctx context.Context, org keystore.Org) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if _, err := keystore.ParseOrg(string(org)); err != nil {
		return "", err
	}
	if err := privatefile.EnsureFolder(s.path(locksFolder)); err != nil {
		return "", err
	}
	return s.path(locksFolder, privatefile.FileName(org)+privatefile.LockSuffix), nil
}
