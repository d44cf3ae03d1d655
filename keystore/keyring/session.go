package keyring

import (
	"context"
	"errors"
	"slices"
	"strings"

	"forcecred/keystore"
)

// session is a series of operations on the keyring, for one call of the store. Each
// operation fails once the call was given up.
type session struct {
	*Store
	ctx context.Context
}

// begin opens the keyring unless it is open.
func (s *session) begin() error {
	if err := s.driver.checkUnlocked(s.ctx); err != nil {
		return err
	}
	if s.opened != nil && !propertiesOf[s.config.Backend].isReopened {
		return nil
	}
	if err := s.driver.checkCollection(s.ctx); err != nil {
		return err
	}
	return s.do(func() error {
		opened, err := s.open()
		if err != nil {
			return err
		}
		s.opened = opened
		return s.driver.checkOpened(s.ctx)
	})
}

// do runs one operation on the keyring.
func (s *session) do(operation func() error) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	defer s.driver.closeSession(s.ctx)
	return s.normalize(operation())
}

// get returns the data under name. It returns ErrNotFound only if the keyring can be
// believed: most backends report "not found" while they are locked, too.
func (s *session) get(name string) ([]byte, error) {
	var data []byte
	err := s.do(func() (err error) {
		data, err = s.opened.Get(s.ctx, name)
		return err
	})
	if errors.Is(err, keystore.ErrNotFound) {
		if err = s.driver.checkReachable(s.ctx); err == nil {
			err = s.driver.confirmNotFound(s, name)
		}
	}
	if err != nil {
		return nil, err
	}
	if data == nil {
		return []byte{}, nil
	}
	return data, nil
}

func (s *session) set(name string, data []byte) error {
	return s.do(func() error { return s.opened.Set(s.ctx, name, data) })
}

// maxDuplicates is how many items of one name delete deletes. Other programs may have
// copied an item; the library deletes the first one that it finds.
const maxDuplicates = 8

// delete deletes the data under name, and checks that it is gone: KWallet reports success
// after a dialog that was cancelled.
func (s *session) delete(name string) error {
	for range maxDuplicates {
		err := s.do(func() error { return s.opened.Delete(s.ctx, name) })
		if err != nil && !errors.Is(err, keystore.ErrNotFound) {
			return err
		}
		if _, err := s.get(name); errors.Is(err, keystore.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("the keyring did not delete the item")}
}

// list returns the names of our items and of their parts.
func (s *session) list() ([]string, error) {
	var names []string
	err := s.do(func() (err error) {
		names, err = s.opened.List(s.ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, s.prefix) })
	if len(names) > 0 {
		return names, nil
	}
	if err := s.driver.confirmEmpty(s); err != nil {
		return nil, err
	}
	return nil, s.driver.checkReachable(s.ctx)
}
