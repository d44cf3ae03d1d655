//go:build !windows

package keyring

import (
	"context"
	"errors"
	"os"

	"forcecred/keystore"
	"forcecred/keystore/keyring/pass"
	"forcecred/protocol/remedy"
)

// passDriver is the driver of the program pass.
type passDriver struct{ base }

func newPass(b base) driver { return passDriver{b} }

func (p passDriver) ring() *pass.Ring {
	return &pass.Ring{Folder: service, MaxItem: MaxItem, NoPrompt: p.config.NoPrompt}
}

func (p passDriver) open() (ring, error) {
	if err := pass.Check(); errors.Is(err, pass.ErrNoProgram) {
		return nil, p.unavailable()
	} else if err != nil {
		return nil, err
	}
	return p.ring(), nil
}

func (p passDriver) unavailable() error {
	return &keystore.Error{Reason: keystore.ErrUnavailable, Err: pass.ErrNoProgram, Remedy: remedy.To("install_pass")}
}

func (passDriver) unlockRemedy() remedy.Remedy { return remedy.To("unlock_pass") }

func (p passDriver) checkReachable(context.Context) error { return p.ring().CheckStore() }

// mayBeLocked reports whether gpg may be asking a person. Otherwise it asks nobody and
// fails.
func (p passDriver) mayBeLocked(context.Context) bool { return !p.config.NoPrompt && p.canPrompt() }

func (p passDriver) canPrompt() bool { return p.base.canPrompt() || os.Getenv("GPG_TTY") != "" }
