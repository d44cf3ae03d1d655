// Package overlay combines two keystores: it looks for an org in the second if the first has none of that name.
package overlay

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"forcecred/keystore"
)

// Store is a [keystore.Store] over two others. Each org belongs to one of them: to the
// second only if the first reports ErrNotFound. If the first fails otherwise, the second is
// not asked.
type Store struct {
	First, Second keystore.Store

	mu       sync.Mutex
	isSecond map[keystore.Org]bool // whether the second had the org when it was last looked up
}

var _ keystore.Store = (*Store)(nil)

func grantKey(org keystore.Org) keystore.Key { return keystore.Key{Kind: keystore.KindGrant, Org: org} }

// IsSecond reports whether the second store had org when it was last looked up.
func (s *Store) IsSecond(org keystore.Org) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isSecond[org]
}

// ParseOrg returns name as an org of one of the two. The second may accept more names.
func (s *Store) ParseOrg(name string) (keystore.Org, error) {
	return keystore.ParseOrgOf(s.Second, name)
}

// Unusable returns an error for each of the second's orgs that List leaves out.
func (s *Store) Unusable(ctx context.Context) ([]error, error) {
	return keystore.Unusable(ctx, s.Second)
}

// canBeFirst reports whether the first can have an org of that name.
func canBeFirst(org keystore.Org) bool {
	_, err := keystore.ParseOrg(string(org))
	return err == nil
}

// remember remembers which store has org.
func (s *Store) remember(org keystore.Org, isSecond bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isSecond == nil {
		s.isSecond = map[keystore.Org]bool{}
	}
	s.isSecond[org] = isSecond
}

// loadGrant reads org's grant from the store that has it. A missing org belongs to the first.
func (s *Store) loadGrant(ctx context.Context, org keystore.Org) ([]byte, error) {
	if !canBeFirst(org) {
		s.remember(org, true)
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
	s.remember(org, isSecond)
	return item, err
}

// owner returns the store that has the org.
func (s *Store) owner(ctx context.Context, org keystore.Org) keystore.Store {
	// The caller's own operation on the item reports the same error.
	_, _ = s.loadGrant(ctx, org)
	if s.IsSecond(org) {
		return s.Second
	}
	return s.First
}

// Get returns the item under key, with the errors of the store that has the org.
func (s *Store) Get(ctx context.Context, key keystore.Key) ([]byte, error) {
	if key.Kind == keystore.KindGrant {
		return s.loadGrant(ctx, key.Org)
	}
	if !canBeFirst(key.Org) {
		s.remember(key.Org, true)
		return s.Second.Get(ctx, key)
	}
	// Usually the first has the item; then no look-up of the owner is needed.
	item, err := s.First.Get(ctx, key)
	if !errors.Is(err, keystore.ErrNotFound) || s.owner(ctx, key.Org) == s.First {
		return item, err
	}
	return s.Second.Get(ctx, key)
}

// Set stores item under key in the store that has the org. It stores a person's new grant
// in the first.
func (s *Store) Set(ctx context.Context, key keystore.Key, item []byte) error {
	if key.Kind == keystore.KindGrant {
		if g, err := keystore.DecodeGrant(key, item); err == nil && !g.StoredAt.IsZero() {
			return s.First.Set(ctx, key, item)
		}
	}
	return s.owner(ctx, key.Org).Set(ctx, key, item)
}

// Delete deletes the item under key from the store that has the org.
func (s *Store) Delete(ctx context.Context, key keystore.Key) error {
	return s.owner(ctx, key.Org).Delete(ctx, key)
}

// List returns the keys of all items of that kind. It returns a key of both stores once.
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

// Lock takes the first store's lock of org's grant, and also the second's if that has the
// org. So a process that stores the org in the first waits too.
func (s *Store) Lock(ctx context.Context, org keystore.Org) (keystore.Lock, error) {
	if !canBeFirst(org) {
		s.remember(org, true)
		return s.Second.Lock(ctx, org)
	}
	first, err := s.First.Lock(ctx, org)
	if err != nil {
		return nil, err
	}
	if s.owner(ctx, org) == s.First {
		return first, nil
	}
	second, err := s.Second.Lock(ctx, org)
	if err != nil {
		return nil, errors.Join(err, first.Release())
	}
	return locks{first, second}, nil
}

// locks are the locks of an org that both stores have.
type locks struct{ first, second keystore.Lock }

func (l locks) Check() error   { return cmp.Or(l.first.Check(), l.second.Check()) }
func (l locks) Release() error { return errors.Join(l.second.Release(), l.first.Release()) }

// LockPlaces returns the places of Lock's locks.
func (s *Store) LockPlaces(ctx context.Context, org keystore.Org) []keystore.LockPlace {
	if !canBeFirst(org) {
		return keystore.LockPlacesOf(ctx, s.Second, org)
	}
	places := keystore.LockPlacesOf(ctx, s.First, org)
	if s.owner(ctx, org) != s.First {
		places = append(places, keystore.LockPlacesOf(ctx, s.Second, org)...)
	}
	return places
}
