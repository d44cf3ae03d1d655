package keyring

import (
	"context"
	"errors"
	"slices"

	"forcecred/internal/privatefile"
	"forcecred/keystore"
)

// heldLock is one lock that this process holds.
type heldLock interface {
	// Check returns [keystore.ErrLockLost] if another process can take the lock.
	Check() error
	Release() error
}

// lockPlace is a lock that is where the items are: whoever reaches them reaches it too,
// whatever folders they have.
type lockPlace interface {
	// take takes the lock of that name, and waits while ctx lasts.
	take(ctx context.Context, name string) (heldLock, error)
	describe(ctx context.Context, name string) keystore.LockPlace
}

// lease is the locks of one org, in the order of locking: the files of the lock folders,
// and then the lock where the items are.
type lease struct {
	files []heldLock
	place heldLock // nil if the backend has none
}

// Check returns [keystore.ErrLockLost] if another process can change the org. The lock where
// the items are decides; without one, a file that is left excludes the others.
func (l *lease) Check() error {
	if l.place != nil {
		return l.place.Check()
	}
	if slices.ContainsFunc(l.files, func(file heldLock) bool { return file.Check() == nil }) {
		return nil
	}
	return keystore.ErrLockLost
}

// Release releases the locks in the opposite order.
func (l *lease) Release() error {
	var errs []error
	if l.place != nil {
		errs = append(errs, l.place.Release())
	}
	for _, file := range slices.Backward(l.files) {
		errs = append(errs, file.Release())
	}
	return errors.Join(errs...)
}

// lockGrant takes the lock of org's grant.
func (s *Store) lockGrant(ctx context.Context, org keystore.Org) (*lease, error) {
	held, err := s.lockOrg(ctx, "", org)
	if err != nil {
		return nil, err
	}
	place := s.driver.lockPlace()
	if place == nil {
		return held, nil
	}
	if held.place, err = place.take(ctx, s.placeName(org)); err != nil {
		held.place = nil
		return nil, errors.Join(s.normalize(err), held.Release())
	}
	return held, nil
}

// placeName names org's lock among those of other programs and of other orgs.
func (s *Store) placeName(org keystore.Org) string {
	return s.prefix + "lock/" + privatefile.FileName(org)
}

// LockPlaces returns where Lock locks: files, and then the place of the items.
func (s *Store) LockPlaces(ctx context.Context, org keystore.Org) []keystore.LockPlace {
	var places []keystore.LockPlace
	for _, dir := range s.lockDirs() {
		path := lockPath(dir, "", privatefile.FileName(org))
		places = append(places, keystore.LockPlace{Name: path, Holder: privatefile.LockHolder(path)})
	}
	if place := s.driver.lockPlace(); place != nil {
		places = append(places, place.describe(ctx, s.placeName(org)))
	}
	return places
}
