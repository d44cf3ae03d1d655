// Package keyring stores items in the platform's keyring.
//
// It uses github.com/99designs/keyring, which has no timeouts, is not safe for
// goroutines, and reports "not found" or success although something failed. Here every
// call ends in time, a write is read back, and ErrNotFound comes only from a keyring that
// is reachable and unlocked.
package keyring

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"forcecred/internal/privatefile"
	"forcecred/keystore"
	"forcecred/keystore/keyring/keyctl"
	"forcecred/keystore/keyring/sessionbus"
	"forcecred/protocol/remedy"
)

func init() { sessionbus.Release() } // Go has initialized the library before this package

// Config says which keyring, and how long to wait for it.
type Config struct {
	Backend Backend

	// LockDir is the folder of the locks. "" is the folders that depend on the user's id
	// alone, so that processes with another HOME or TMPDIR use the same ones.
	LockDir string

	Notify func(message string) // called once if another user has taken one of those folders; or nil

	// NoPrompt forbids dialogs: a keyring that needs one is ErrLocked.
	NoPrompt bool

	Timeout       time.Duration // of one call; 0 for 3 s, with pass 10 s
	PromptTimeout time.Duration // of one that waits for a person; 0 for 60 s, or Timeout if that is more
}

// Store is a [keystore.Store] in one platform keyring. It never uses another one: if the
// keyring can't be reached, it returns ErrUnavailable.
type Store struct {
	config     Config
	prefix     string // of the names of items
	kernelRing string // the name of our keyring in the kernel's keyring of the user

	driver driver
	open   func() (ring, error)
	opened ring // nil until it is needed; only the holder of libraryMutex uses it

	warnOnce sync.Once // guards the call of Config.Notify
}

var _ keystore.Store = (*Store)(nil)

// namePrefix distinguishes our items where programs share a collection.
const namePrefix = "forcecred:"

// New returns the store that config describes. For a keyring on the session bus it
// connects to the bus, and does no other I/O.
func New(config Config) *Store {
	if config.Timeout == 0 {
		config.Timeout = max(defaultTimeout, propertiesOf[config.Backend].timeout)
	}
	if config.PromptTimeout == 0 {
		config.PromptTimeout = max(time.Minute, config.Timeout)
	}
	if config.Backend.OnBus() {
		sessionbus.Connect() // not later: the timeouts of operations are shorter
	}
	s := &Store{config: config, prefix: namePrefix, kernelRing: service}
	s.driver = newDriver(s)
	s.open = s.openBackend
	return s
}

func (s *Store) openBackend() (ring, error) {
	if !s.config.Backend.isAvailable() {
		return nil, s.driver.unavailable()
	}
	return s.driver.open()
}

// Get returns the item under key. It returns ErrNotFound, ErrLocked, ErrUnavailable or
// ErrCorrupt, or the context's error. An item is lost if parts of it are missing, or if
// the kernel no longer gives it. A lost token is ErrNotFound, because the next refresh
// replaces it; any other lost item is ErrCorrupt.
func (s *Store) Get(ctx context.Context, key keystore.Key) ([]byte, error) {
	item, err := s.get(ctx, key)
	if err != nil {
		return nil, keystore.Wrap("read "+key.Label(), err)
	}
	return item, nil
}

func (s *Store) get(ctx context.Context, key keystore.Key) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name, err := s.itemName(key)
	if err != nil {
		return nil, err
	}
	var item []byte
	err = s.call(ctx, noRelease, func(session *session) (err error) {
		var ok bool
		if item, ok = s.driver.getDirectly(session.ctx, name); ok {
			return nil
		}
		if err = session.begin(); err != nil {
			return err
		}
		item, err = session.readItem(name)
		return err
	})
	if errors.Is(err, errTorn) {
		err = &keystore.Error{Reason: keystore.ErrCorrupt, Err: errTorn, Remedy: remedy.To("store_again")}
	}
	switch {
	case isItemLost(err) && (key.Kind == keystore.KindToken || key.Kind == keystore.KindDataCloud):
		return nil, notFoundError()
	case errors.Is(err, keyctl.ErrDenied) && key.Kind == keystore.KindJournal:
		// The key still opens the journal entry. Do not spend a refresh token until it can be
		// read.
		return nil, &keystore.Error{Reason: keystore.ErrUnavailable, Err: keyctl.ErrDenied, Remedy: remedy.To("store_again")}
	}
	if err != nil {
		return nil, err
	}
	return item, nil
}

// isItemLost reports whether an item is there that nobody can read any more.
func isItemLost(err error) bool {
	return errors.Is(err, errTorn) || errors.Is(err, keyctl.ErrWithdrawn) || errors.Is(err, keyctl.ErrDenied)
}

func isDecodingError(err error) bool {
	_, isSyntax := errors.AsType[*json.SyntaxError](err)
	_, isType := errors.AsType[*json.UnmarshalTypeError](err)
	_, isBase64 := errors.AsType[base64.CorruptInputError](err)
	return isSyntax || isType || isBase64
}

// Set stores item under key and reads it back. It returns ErrLocked or ErrUnavailable, or
// the context's error. After a timeout the write may still be under way; then the locks
// of the org stay until it ends.
func (s *Store) Set(ctx context.Context, key keystore.Key, item []byte) error {
	if err := s.write(ctx, key, func(session *session, name string) error { return session.writeItem(name, item) }); err != nil {
		return keystore.Wrap("write "+key.Label(), err)
	}
	return nil
}

// Delete deletes the item under key. It returns ErrLocked or ErrUnavailable, or the
// context's error.
func (s *Store) Delete(ctx context.Context, key keystore.Key) error {
	if err := s.write(ctx, key, func(session *session, name string) error { return session.deleteItem(name) }); err != nil {
		return keystore.Wrap("remove "+key.Label(), err)
	}
	return nil
}

// write calls change while no other process of the user writes to the org's items. So a
// read-back returns what change wrote, and parts without an item were left by a process
// that died.
func (s *Store) write(ctx context.Context, key keystore.Key, change func(session *session, name string) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, err := s.itemName(key)
	if err != nil {
		return err
	}
	release, err := s.lockWrites(ctx, key.Org)
	if err != nil {
		return err
	}
	return s.call(ctx, release, func(session *session) error {
		if err := session.begin(); err != nil {
			return err
		}
		if err := s.driver.checkCollection(session.ctx); err != nil {
			return err
		}
		return change(session, name)
	})
}

// List returns the keys of all items of that kind. It returns ErrLocked or
// ErrUnavailable, or the context's error.
func (s *Store) List(ctx context.Context, kind keystore.Kind) ([]keystore.Key, error) {
	keys, err := s.list(ctx, kind)
	if err != nil {
		return nil, keystore.Wrap("list the items", err)
	}
	return keys, nil
}

func (s *Store) list(ctx context.Context, kind keystore.Kind) ([]keystore.Key, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := kind.Check(); err != nil {
		return nil, err
	}
	var keys []keystore.Key
	err := s.call(ctx, noRelease, func(session *session) error {
		if err := session.begin(); err != nil {
			return err
		}
		names, err := session.list()
		for _, name := range names {
			if key, ok := s.parseItemName(name); ok && key.Kind == kind {
				keys = append(keys, key)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return keys, nil
}

// itemName returns the name of the item under key: forcecred:KIND/NAME, where NAME
// encodes upper-case letters as in file names. Credential Manager folds case, and so do
// the file systems that pass writes to on a Mac.
func (s *Store) itemName(key keystore.Key) (string, error) {
	if err := key.Check(); err != nil {
		return "", err
	}
	return s.prefix + string(key.Kind) + "/" + privatefile.FileName(key.Org), nil
}

// parseItemName is the inverse of itemName. It reports false for the name of a part, and
// for that of another program's item.
func (s *Store) parseItemName(name string) (keystore.Key, bool) {
	rest, ok := strings.CutPrefix(name, s.prefix)
	if !ok {
		return keystore.Key{}, false
	}
	return privatefile.ParseKey(rest, "/")
}
