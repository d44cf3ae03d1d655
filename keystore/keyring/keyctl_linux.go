package keyring

import (
	"context"
	"errors"
	"syscall"

	"forcecred/keystore"
	"forcecred/keystore/keyring/keyctl"
	"forcecred/protocol/remedy"
)

// keyCtl is the driver of the Linux kernel's keyring.
type keyCtl struct{ base }

func (k keyCtl) open() (ring, error) {
	opened, err := keyctl.Open(k.kernelRing, k.exclusive)
	if err != nil {
		return nil, k.unavailable()
	}
	return opened, nil
}

// exclusive runs do under a lock of the user's processes.
func (k keyCtl) exclusive(ctx context.Context, do func() error) error {
	held, err := k.lockFiles(ctx, createFolder, k.kernelRing)
	if err != nil {
		return err
	}
	return errors.Join(do(), held.Release())
}

func (k keyCtl) unavailable() error {
	if !KeyCtl.isAvailable() {
		return k.base.unavailable()
	}
	return &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("the kernel's keyring of this user can't be opened"), Remedy: remedy.To("no_kernel_keyring")}
}

// normalize gives the kernel's errors that concern more than one key their hints.
func (keyCtl) normalize(err error) error {
	e := &keystore.Error{Reason: keystore.ErrUnavailable, Err: err}
	is := func(errno syscall.Errno) bool { return errors.Is(err, errno) }
	switch {
	case is(syscall.EACCES), is(syscall.EPERM):
		e.Remedy = remedy.Remedy{Why: "the kernel's keyring does not let this process in", Code: "no_kernel_keyring"}
	case is(syscall.EDQUOT):
		e.Remedy = remedy.To("kernel_keyring_quota")
	case is(syscall.ENOSYS):
		e.Remedy = remedy.To("no_kernel_keyring")
	}
	return e
}

// canPrompt reports false: the kernel has no dialogs.
func (keyCtl) canPrompt() bool { return false }
