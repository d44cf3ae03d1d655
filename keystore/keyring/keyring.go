// Package keyring keeps a keystore in the platform's keyring.
//
// It stands on github.com/99designs/keyring, which has no deadlines, is not made
// for goroutines, and says "not found" or "done" where something failed. Here
// every operation ends in time, what was written is read back, and "not found"
// is said only of a keyring that is there and open.
package keyring

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/keyring/busguard"

	"github.com/99designs/keyring"
)

func init() {
	// The library has dialled, or has not, by the time that this runs.
	busguard.Done()
}

// Backend names a platform's keyring.
type Backend string

// The backends. Which of them there are depends on the system that the program
// was built for.
const (
	Keychain      Backend = "keychain"       // macOS, built with cgo
	WinCred       Backend = "wincred"        // Windows Credential Manager
	SecretService Backend = "secret-service" // the collection "login" of GNOME Keyring and its kin, or else the default one
	KWallet       Backend = "kwallet"        // kwalletd5, the wallet "kdewallet"
	Pass          Backend = "pass"           // https://www.passwordstore.org
	KeyCtl        Backend = "keyctl"         // the Linux kernel's, for one user, until his last process ends
)

// Available returns those that this program can open on this system. The ones on
// the session bus are among them when a bus answers, whoever is on it.
func Available() []Backend {
	available := keyring.AvailableBackends()
	return slices.DeleteFunc([]Backend{Keychain, WinCred, SecretService, KWallet, Pass, KeyCtl}, func(b Backend) bool {
		return !slices.Contains(available, keyring.BackendType(b))
	})
}

// Config says which keyring, and how long to wait for it.
type Config struct {
	Backend Backend

	// LockDir is the folder of the locks. "" is those that depend on the user's id
	// alone, so that processes with another HOME or TMPDIR meet there.
	LockDir string

	Notify func(message string) // told once when another user has taken one of those folders; or nil

	// NoPrompt keeps dialogs away: a keyring that needs one is ErrLocked.
	NoPrompt bool

	Timeout       time.Duration // of one operation; 0 for 3 s, with pass 10 s
	PromptTimeout time.Duration // of one that waits for a person; 0 for 60 s, or Timeout if that is more
}

// Store is a [keystore.Store] in one platform keyring, and never in another
// one: when the keyring can't be reached, that is the answer.
type Store struct {
	config Config
	prefix string // of the names of items

	kernelRing string // the name of our keyring in the kernel's keyring of the user

	open func() (keyring.Keyring, error)

	ring keyring.Keyring // nil until it was needed; used by who has his turn in the library

	taken sync.Once // of what Notify is told

	collection atomic.Pointer[string] // its path, where a Secret Service has not the usual one; nil until that was seen
}

var _ keystore.Store = (*Store)(nil)

// namePrefix sets our items apart where programs share a collection.
const namePrefix = "forcecred:"

// New returns the store that config describes. It does no I/O.
func New(config Config) *Store {
	if config.Timeout == 0 {
		config.Timeout = 3 * time.Second
		if config.Backend == Pass {
			config.Timeout = 10 * time.Second // each step is a shell script that runs gpg, which may start an agent
		}
	}
	if config.PromptTimeout == 0 {
		config.PromptTimeout = max(time.Minute, config.Timeout)
	}
	s := &Store{config: config, prefix: namePrefix, kernelRing: service}
	s.open = s.openLibrary
	return s
}

// Get returns the item under key. It returns ErrNotFound, ErrLocked,
// ErrUnavailable or ErrCorrupt, or the context's error. A cached token of which
// parts are missing, or that the kernel does not give any more, is ErrNotFound,
// since the next refresh replaces it; any other such item is ErrCorrupt.
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
	err = s.call(ctx, nothing, func(t *turn) (err error) {
		var ok bool
		if item, ok = t.glance(name); ok {
			return nil
		}
		if err = t.begin(); err != nil {
			return err
		}
		item, err = t.readItem(name)
		return err
	})
	if errors.Is(err, errTorn) {
		err = &keystore.Error{Reason: keystore.ErrCorrupt, Err: errTorn, Hint: hintStoreAgain}
	}
	switch {
	case isLost(err) && (key.Kind == keystore.KindToken || key.Kind == keystore.KindDataCloud):
		return nil, notFound()
	case errors.Is(err, errDenied) && key.Kind == keystore.KindJournal:
		// Its content is there. It may be wanted before a refresh token is spent.
		return nil, &keystore.Error{Reason: keystore.ErrUnavailable, Err: errDenied, Hint: hintStoreAgain}
	}
	if err != nil {
		return nil, err
	}
	return item, nil
}

// Set stores item under key and reads it back. It returns ErrLocked or
// ErrUnavailable, or the context's error. After a failure that came of time the
// write may still be under way; then the locks of the org stay until it ends.
func (s *Store) Set(ctx context.Context, key keystore.Key, item []byte) error {
	if err := s.write(ctx, key, func(t *turn, name string) error { return t.writeItem(name, item) }); err != nil {
		return keystore.Wrap("write "+key.Label(), err)
	}
	return nil
}

// Delete removes the item under key. It returns ErrLocked or ErrUnavailable, or
// the context's error.
func (s *Store) Delete(ctx context.Context, key keystore.Key) error {
	if err := s.write(ctx, key, func(t *turn, name string) error { return t.removeItem(name) }); err != nil {
		return keystore.Wrap("remove "+key.Label(), err)
	}
	return nil
}

// write is how an item changes: by one writer at a time, among all of the
// user's processes. So what is read back was written here, and parts that
// belong to no item were left by a process that died.
func (s *Store) write(ctx context.Context, key keystore.Key, change func(t *turn, name string) error) error {
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
	return s.call(ctx, release, func(t *turn) error {
		if err := t.begin(); err != nil {
			return err
		}
		if err := t.collected(); err != nil {
			return err
		}
		return change(t, name)
	})
}

// List returns the keys of all items of that kind. It returns ErrLocked or
// ErrUnavailable, or the context's error.
func (s *Store) List(ctx context.Context, kind keystore.Kind) ([]keystore.Key, error) {
	keys, err := s.keys(ctx, kind)
	if err != nil {
		return nil, keystore.Wrap("list the items", err)
	}
	return keys, nil
}

func (s *Store) keys(ctx context.Context, kind keystore.Kind) ([]keystore.Key, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := kind.Check(); err != nil {
		return nil, err
	}
	var keys []keystore.Key
	err := s.call(ctx, nothing, func(t *turn) error {
		if err := t.begin(); err != nil {
			return err
		}
		names, err := t.names()
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
