package keyring

import (
	"context"
	"errors"
	"slices"

	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// keychain is the driver of the macOS keychain.
type keychain struct{ base }

func (keychain) unlockRemedy() remedy.Remedy {
	return remedy.To("unlock_keychain")
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
		return &keystore.Error{Reason: keystore.ErrLocked, Err: errors.New("the keychain has the item but does not return it"), Remedy: k.unlockRemedy()}
	}
	return notFoundError()
}
