//go:build !linux

package keyring

import (
	"context"
	"errors"
	"syscall"

	"forcecred/keystore"
)

// Without D-Bus there is nobody to ask: what the library says is all there is.
const hasBus = false

// errQuota is of the kernel's keyring, which is Linux's: no error has this number.
const errQuota = syscall.Errno(1<<31 - 1)

func (s *Store) lockedOnBus(context.Context) bool { return false }

func (t *turn) glance(string) (item []byte, ok bool) { return nil, false }

func (t *turn) ready() error { return nil }

func (t *turn) opened() error { return nil }

func (t *turn) collected() error { return nil }

func (s *Store) collectionName() string { return collection }

func (t *turn) reachable() error {
	if t.config.Backend == Pass {
		return passReachable()
	}
	return nil
}

func (t *turn) settle() error { return nil }

func (t *turn) endSession() {}

func isBusLost() bool { return false }

func busLost() error { return nil }

func (s *Store) explainBus(error) error {
	return &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("the keyring's library failed")}
}
