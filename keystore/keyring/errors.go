package keyring

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"syscall"

	"forcecred/keystore"

	"github.com/99designs/keyring"
)

// Hints that more than one error has.
const (
	hintStoreAgain = "erase the org and store it again"
	hintSilent     = "see whether the keyring shows a dialog or hangs; forcecred can be called again, and FORCECRED_KEYRING_TIMEOUT (say, 20s) makes it wait longer"
	hintNoBus      = "log in to a desktop, run forcecred under dbus-run-session, or let FORCECRED_KEYSTORE be file"
	hintNoSession  = "log in at the machine or by Remote Desktop, since SSH and WinRM give no credentials; or let FORCECRED_KEYSTORE be file"
	hintContainer  = "let FORCECRED_KEYSTORE be file; containers often have no use of the kernel's keyring"
)

// hintUnlock says how a person unlocks the keyring.
func (s *Store) hintUnlock() string {
	switch s.config.Backend {
	case Keychain:
		return "run `security unlock-keychain`, and allow forcecred the use of its items"
	case SecretService:
		return "unlock the keyring \"" + s.collectionName() + "\" by logging in to the desktop, or with `gnome-keyring-daemon --unlock`"
	case KWallet:
		return "open the wallet \"" + wallet + "\" in KWalletManager, and allow forcecred its use"
	case Pass:
		return "run `pass show` on any item in a terminal, which unlocks the key"
	}
	return ""
}

// Errors of one key of the kernel's keyring, which the others do not have.
var (
	errGone   = errors.New("its key in the kernel's keyring was revoked, or has expired")
	errDenied = errors.New("its key in the kernel's keyring has permissions that keep forcecred out")
)

// isLost reports whether an item is there and nobody can read it any more.
func isLost(err error) bool {
	return errors.Is(err, errTorn) || errors.Is(err, errGone) || errors.Is(err, errDenied)
}

// explain gives an error of the library the reason that it stands for. The
// words of those who may quote what they read (decoders, gpg, services on the
// bus) are not kept.
func (s *Store) explain(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, keyring.ErrKeyNotFound) {
		return notFound()
	}
	if e, ok := errors.AsType[*keystore.Error](err); ok {
		return e
	}
	if isDecoding(err) {
		return &keystore.Error{Reason: keystore.ErrCorrupt, Err: errors.New("the keyring's item is not what forcecred writes"), Hint: hintStoreAgain}
	}
	switch s.config.Backend {
	case SecretService, KWallet:
		return s.explainBus(err)
	case KeyCtl:
		return explainKernel(err)
	case WinCred:
		return explainWindows(err)
	}
	return &keystore.Error{Reason: keystore.ErrUnavailable, Err: err, Hint: s.hintUnlock()}
}

// Errors of Windows, whose numbers no other system has.
const (
	errNoSession  = syscall.Errno(1312) // ERROR_NO_SUCH_LOGON_SESSION
	errKeyDeleted = syscall.Errno(1018) // ERROR_KEY_DELETED
)

// explainWindows tells that a login has no credentials of its own, where Windows
// says that there is no such login.
// https://learn.microsoft.com/windows/win32/api/wincred/nf-wincred-credwritew
func explainWindows(err error) error {
	switch {
	case errors.Is(err, errKeyDeleted):
		// In wine a credential is a key of the registry, and another process
		// removed it after the library had found it.
		return notFound()
	case errors.Is(err, errNoSession):
		return &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("this login has no Credential Manager"), Hint: hintNoSession}
	}
	return &keystore.Error{Reason: keystore.ErrUnavailable, Err: err}
}

func isDecoding(err error) bool {
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, kind := errors.AsType[*json.UnmarshalTypeError](err)
	_, encoding := errors.AsType[base64.CorruptInputError](err)
	return syntax || kind || encoding
}

// explainKernel gives the kernel's refusals of more than one key their hints.
func explainKernel(err error) error {
	e := &keystore.Error{Reason: keystore.ErrUnavailable, Err: err}
	is := func(errno syscall.Errno) bool { return errors.Is(err, errno) }
	switch {
	case is(syscall.EACCES), is(syscall.EPERM):
		e.Hint = "the kernel's keyring does not let this process in; " + hintContainer
	case is(errQuota):
		e.Hint = "the kernel keeps 20,000 bytes in all for a user (/proc/sys/kernel/keys/maxbytes); remove keys, or let FORCECRED_KEYSTORE be file"
	case is(syscall.ENOSYS):
		e.Hint = hintContainer
	}
	return e
}
