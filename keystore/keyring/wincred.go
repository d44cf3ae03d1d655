package keyring

import (
	"errors"
	"syscall"

	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// winCred is the driver of the Windows Credential Manager.
type winCred struct{ base }

// Errors of Windows, whose numbers no other system has.
const (
	errNoSession  = syscall.Errno(1312) // ERROR_NO_SUCH_LOGON_SESSION
	errKeyDeleted = syscall.Errno(1018) // ERROR_KEY_DELETED
)

// normalize says that a logon session has no credentials, for which Windows says that
// there is no such session.
// https://learn.microsoft.com/windows/win32/api/wincred/nf-wincred-credwritew
func (winCred) normalize(err error) error {
	switch {
	case errors.Is(err, errKeyDeleted):
		// In wine a credential is a key of the registry. Another process deleted it after
		// the library had found it.
		return notFoundError()
	case errors.Is(err, errNoSession):
		return &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("this logon session has no Credential Manager"), Remedy: remedy.To("log_in_at_machine")}
	}
	return &keystore.Error{Reason: keystore.ErrUnavailable, Err: err}
}

// confirmEmpty reads an item, because the library drops the error of a list that failed.
func (winCred) confirmEmpty(s *session) error {
	if _, err := s.get(s.prefix); err != nil && !errors.Is(err, keystore.ErrNotFound) {
		return err
	}
	return nil
}
