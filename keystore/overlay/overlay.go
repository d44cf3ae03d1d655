// Package overlay looks for an org in a second keystore when the first has none of that name.
package overlay

import (
	"context"
	"errors"
	"sync"

	"forcecred/keystore"
)

// Store is a [keystore.Store] over two. Each org is one store's: the second's only
// when the first is sure that it has no such org. What the first can't read is a
// failure, and never looked for in the second.
type Store struct {
	First, Second keystore.Store

	mu       sync.Mutex
	isSecond map[keystore.Org]bool // as it was last found
}

var _ keystore.Store = (*Store)(nil)

func grantKey(org keystore.Org) keystore.Key { return keystore.Key{Kind: keystore.KindGrant, Org: org} }

// IsSecond reports whether the second store had org when it was last asked for.
func (s *Store) IsSecond(org keystore.Org) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isSecond[org]
}

// ParseOrg returns name as an org of one of the two: the second may have names
// that the first can't.
func (s *Store) ParseOrg(name string) (keystore.Org, error) {
	return keystore.ParseOrgOf(s.Second, name)
}

// Unusable returns why some of the second's orgs are not among the keys.
func (s *Store) Unusable(ctx context.Context) ([]error, error) {
	return keystore.Unusable(ctx, s.Second)
}

// canBeFirst reports whether the first can have an org of that name: one of
// forcecred's own.
func canBeFirst(org keystore.Org) bool {
	_, err := keystore.ParseOrg(string(org))
	return err == nil
}

// found notes whose an org is.
func (s *Store) found(org keystore.Org, isSecond bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isSecond == nil {
		s.isSecond = map[keystore.Org]bool{}
	}
	s.isSecond[org] = isSecond
}

// grant reads an org's grant where it is. One that is nowhere is the first's.
func (s *Store) grant(ctx context.Context, org keystore.Org) ([]byte, error) {
	if !canBeFirst(org) {
		s.found(org, true)
		return s.Second.Get(ctx, grantKey(org))
	}
	item, err := s.First.Get(ctx, grantKey(org))
	isSecond := false
	if errors.Is(err, keystore.ErrNotFound) {
		second, secondErr := s.Second.Get(ctx, grantKey(org))
		if isSecond = !errors.Is(secondErr, keystore.ErrNotFound); isSecond {
			item, err = second, secondErr
		}
	}
	s.found(org, isSecond)
	return item, err
}

// owner returns the store that has the org.
func (s *Store) owner(ctx context.Context, org keystore.Org) keystore.Store {
	// An error of reading it comes up again where the item itself is asked for.
	_, _ = s.grant(ctx, org)
	if s.IsSecond(org) {
		return s.Second
	}
	return s.First
}

// Get returns the item under key, with the errors of the store that has the org.
func (s *Store) Get(ctx context.Context, key keystore.Key) ([]byte, error) {
	if key.Kind == keystore.KindGrant {
		return s.grant(ctx, key.Org)
	}
	if !canBeFirst(key.Org) {
		s.found(key.Org, true)
		return s.Second.Get(ctx, key)
	}
	// Most often it is there, and whose the org is need not be asked.
	item, err := s.First.Get(ctx, key)
	if !errors.Is(err, keystore.ErrNotFound) || s.owner(ctx, key.Org) == s.First {
		return item, err
	}
	return s.Second.Get(ctx, key)
}

// Set stores item under key in the store that has the org. A grant that a person
// stores goes to the first.
func (s *Store) Set(ctx context.Context, key keystore.Key, item []byte) error {
	if key.Kind == keystore.KindGrant {
		if g, err := keystore.DecodeGrant(key, item); err == nil && !g.StoredAt.IsZero() {
			return s.First.Set(ctx, key, item)
		}
	}
	return s.owner(ctx, key.Org).Set(ctx, key, item)
}

// Delete removes the item under key from the store that has the org.
func (s *Store) Delete(ctx context.Context, key keystore.Key) error {
	return s.owner(ctx, key.Org).Delete(ctx, key)
}

// List returns the keys of all items of that kind. A name that is in both stores
// is there once.
func (s *Store) List(ctx context.Context, kind keystore.Kind) ([]keystore.Key, error) {
	keys, err := s.First.List(ctx, kind)
	if err != nil {
		return nil, err
	}
	second, err := s.Second.List(ctx, kind)
	if err != nil {
		return nil, err
	}
	seen := map[keystore.Key]bool{}
	for _, key := range keys {
		seen[key] = true
	}
	for _, key := range second {
		if !seen[key] {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// Lock takes the first store's lock of org's grant, and the second's when that one
// has the org: whoever stores the org in the first waits as well.
func (s *Store) Lock(ctx context.Context, org keystore.Org) (unlock func() error, err error) {
	if !canBeFirst(org) {
		s.found(org, true)
		return s.Second.Lock(ctx, org)
	}
	unlockFirst, err := s.First.Lock(ctx, org)
	if err != nil {
		return nil, err
	}
	if s.owner(ctx, org) == s.First {
		return unlockFirst, nil
	}
	unlockSecond, err := s.Second.Lock(ctx, org)
	if err != nil {
		return nil, errors.Join(err, unlockFirst())
	}
	return func() error { return errors.Join(unlockSecond(), unlockFirst()) }, nil
}
