package keyring

import (
	"context"
	"errors"
	"slices"
	"strings"

	"forcecred/keystore"

	"github.com/99designs/keyring"
)

// turn is the use of the library by one operation of a store. Each of its steps
// fails once the operation was given up.
type turn struct {
	*Store
	ctx context.Context
}

func notFound() error { return &keystore.Error{Reason: keystore.ErrNotFound} }

// begin opens the keyring where it is not open. The kernel's and KWallet are
// open by a number, which may have become another one's by now.
func (t *turn) begin() error {
	if err := t.ready(); err != nil {
		return err
	}
	if t.ring != nil && t.config.Backend != KeyCtl && t.config.Backend != KWallet {
		return nil
	}
	if err := t.collected(); err != nil {
		return err
	}
	return t.step(func() error {
		ring, err := t.open()
		if err != nil {
			return err
		}
		t.ring = ring
		return t.opened()
	})
}

// step does one thing with the library.
func (t *turn) step(do func() error) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	if ring, ok := t.ring.(interface{ within(context.Context) }); ok {
		ring.within(t.ctx)
	}
	defer t.endSession()
	return t.explain(do())
}

// get returns what is stored under name. It returns ErrNotFound only when the
// keyring can be believed: most backends say so as well while they are locked.
func (t *turn) get(name string) ([]byte, error) {
	var item keyring.Item
	err := t.step(func() (err error) {
		item, err = t.ring.Get(name)
		return err
	})
	if errors.Is(err, keystore.ErrNotFound) {
		err = t.absent(name)
	}
	if err != nil {
		return nil, err
	}
	if item.Data == nil {
		return []byte{}, nil
	}
	return item.Data, nil
}

// absent returns ErrNotFound, or why the keyring is not to be believed when it
// says so.
func (t *turn) absent(name string) error {
	if err := t.reachable(); err != nil {
		return err
	}
	if t.config.Backend != Keychain {
		return notFound()
	}
	// The library says "not found" for whatever keeps the keychain from giving an
	// item away. The list of items needs no unlocking.
	names, err := t.names()
	if err != nil {
		return err
	}
	if slices.Contains(names, name) {
		return &keystore.Error{Reason: keystore.ErrLocked, Err: errors.New("the keychain has the item and does not give it"), Hint: t.hintUnlock()}
	}
	return notFound()
}

func (t *turn) set(name string, data []byte) error {
	return t.step(func() error { return t.ring.Set(keyring.Item{Key: name, Data: data, Label: name}) })
}

// maxTwins is how many items of one name are removed. Other programs may have
// copied ours; the library removes the first one that it finds.
const maxTwins = 8

// remove removes what is stored under name, and looks: KWallet reports success
// after a dialog that was cancelled.
func (t *turn) remove(name string) error {
	for range maxTwins {
		err := t.step(func() error { return t.ring.Remove(name) })
		if err != nil && !errors.Is(err, keystore.ErrNotFound) {
			return err
		}
		if _, err := t.get(name); errors.Is(err, keystore.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("the keyring did not remove the item")}
}

// names returns the names of our items and of their parts.
func (t *turn) names() ([]string, error) {
	var names []string
	err := t.step(func() (err error) {
		names, err = t.ring.Keys()
		return err
	})
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, t.prefix) })
	if len(names) > 0 {
		return names, nil
	}
	if t.config.Backend == WinCred {
		// The library drops the error of a list that failed; a read keeps it.
		if _, err := t.get(t.prefix); err != nil && !errors.Is(err, keystore.ErrNotFound) {
			return nil, err
		}
	}
	return nil, t.reachable()
}
