package keyring

import (
	"context"
	"errors"
	"slices"

	"forcecred/keystore"
)

// keychain is the driver of the macOS keychain.
type keychain struct{ base }

func (keychain) hintUnlock() string {
	return "run `security unlock-keychain`, and allow forcecred the use of its items"
}

// mayBeLocked reports true: the keychain can't be asked.
func (keychain) mayBeLocked(context.Context) bool { return true }

// confirmNotFound looks for name in the list of items, which needs no unlocking. The
// library reports "not found" for whatever makes the keychain refuse an item.
func (k keychain) confirmNotFound(s *session, name string) error {
	names, err := s.list()
	if err != nil {
		return err
	}
	if slices.Contains(names, name) {
		return &keystore.Error{Reason: keystore.ErrLocked, Err: errors.New("the keychain has the item and does not give it"), Hint: k.hintUnlock()}
	}
	return notFoundError()
}
