package keyring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/keyring/sessionbus"
	"forcecred/protocol/remedy"

	"github.com/99designs/keyring"
)

// Backend names a platform's keyring.
type Backend string

// The backends. The system that the program was built for decides which it has.
const (
	Keychain      Backend = "keychain"       // macOS, built with cgo
	WinCred       Backend = "wincred"        // Windows Credential Manager
	SecretService Backend = "secret-service" // the collection "login" of GNOME Keyring and others, or else the default one
	KWallet       Backend = "kwallet"        // kwalletd5, the wallet "kdewallet"
	Pass          Backend = "pass"           // https://www.passwordstore.org
	KeyCtl        Backend = "keyctl"         // the Linux kernel's, for one user, until the user's last process ends
)

// properties are the differences between the backends that are data. A backend's own
// file has the others.
type properties struct {
	isOnBus      bool
	itemLimit    int           // how many bytes one item holds; 0 if that is more than MaxItem
	timeout      time.Duration // the default of Config.Timeout; 0 for defaultTimeout
	isReopened   bool          // each session opens it again: its handle is a number that may be reused
	needsThread  bool          // a session must stay on one thread
	hasOwnDialog bool          // whoever uses the machine sees its dialogs, without DISPLAY
}

const defaultTimeout = 3 * time.Second

var propertiesOf = map[Backend]properties{
	Keychain:      {hasOwnDialog: true},
	WinCred:       {hasOwnDialog: true, itemLimit: 5 * 512}, // CRED_MAX_CREDENTIAL_BLOB_SIZE
	SecretService: {isOnBus: true},
	KWallet:       {isOnBus: true, isReopened: true},
	Pass:          {timeout: 10 * time.Second},                                 // each operation is a shell script that runs gpg, which may start an agent
	KeyCtl:        {isReopened: true, needsThread: true, itemLimit: 1<<15 - 1}, // user_preparse in the kernel's security/keys/user_defined.c
}

// OnBus reports whether the keyring is reached over the session bus.
func (b Backend) OnBus() bool { return propertiesOf[b].isOnBus }

// ItemLimit returns how many bytes one item of the backend holds, or 0 if that is more
// than MaxItem. The store splits larger items.
func (b Backend) ItemLimit() int { return propertiesOf[b].itemLimit }

// isAvailable reports whether this program can open the backend on this system.
func (b Backend) isAvailable() bool { return slices.Contains(Available(), b) }

// Available returns the backends that this program can open on this system. Those on
// the session bus are among them if the process is connected to a bus, whatever
// services it has.
func Available() []Backend {
	available := keyring.AvailableBackends()
	return slices.DeleteFunc([]Backend{Keychain, WinCred, SecretService, KWallet, Pass, KeyCtl}, func(b Backend) bool {
		return !slices.Contains(available, keyring.BackendType(b)) || b.OnBus() && !sessionbus.IsConnected()
	})
}

// ring is an open keyring. Get and Delete return keystore.ErrNotFound for a missing
// item. A ring knows nothing of orgs.
type ring interface {
	Get(ctx context.Context, name string) ([]byte, error)
	Set(ctx context.Context, name string, data []byte) error
	Delete(ctx context.Context, name string) error
	List(ctx context.Context) ([]string, error)
}

// driver is the behavior of one backend. [base] has the defaults. A session calls a
// driver from one goroutine at a time, but for unlockRemedy, mayBeLocked, canPrompt and
// lockPlace.
type driver interface {
	open() (ring, error)

	// unavailable returns why the keyring did not open.
	unavailable() error

	// normalize returns an error of the ring as a [keystore.Error]. It drops the texts of
	// those who may quote what they read: decoders, gpg, services on the bus.
	normalize(err error) error

	// unlockRemedy returns how a person unlocks the keyring.
	unlockRemedy() remedy.Remedy

	// checkUnlocked returns ErrLocked if the library would show a dialog and
	// Config.NoPrompt forbids it.
	checkUnlocked(ctx context.Context) error

	// checkCollection returns an error if the library would create a collection, by a
	// dialog.
	checkCollection(ctx context.Context) error

	// checkOpened returns an error if open reported success and the keyring is not open.
	checkOpened(ctx context.Context) error

	// checkReachable returns nil if a keyring that reports "not found", or lists nothing,
	// can be believed.
	checkReachable(ctx context.Context) error

	// confirmNotFound returns ErrNotFound, or why the keyring reports "not found" although
	// it has the item. checkReachable has succeeded.
	confirmNotFound(s *session, name string) error

	// confirmEmpty returns nil, or why the keyring lists nothing although it has items.
	confirmEmpty(s *session) error

	// getDirectly returns the item under name without the library. It reports false if the
	// library must be asked.
	getDirectly(ctx context.Context, name string) (item []byte, ok bool)

	// flush makes the keyring write to its disk.
	flush(ctx context.Context) error

	// closeSession releases what an operation of the library has left open.
	closeSession(ctx context.Context)

	// mayBeLocked reports whether a keyring that does not answer may be waiting for a
	// dialog.
	mayBeLocked(ctx context.Context) bool

	// canPrompt reports whether a person may see a dialog of the keyring.
	canPrompt() bool

	// lockPlace returns the lock that is where the items are, or nil if the lock folders are
	// in that place.
	lockPlace() lockPlace
}

// newDriver returns the driver of the store's backend.
func newDriver(s *Store) driver {
	b := base{s}
	switch s.config.Backend {
	case Keychain:
		return keychain{b}
	case WinCred:
		return winCred{b}
	}
	return newPlatformDriver(b)
}

// base is what the drivers have in common, and the driver of a backend that this system
// does not have.
type base struct{ *Store }

func (b base) open() (ring, error) { return b.openLibrary(b.libraryConfig()) }

func (b base) unavailable() error {
	e := &keystore.Error{Reason: keystore.ErrUnavailable}
	if b.config.Backend.isAvailable() {
		e.Err = fmt.Errorf("the keyring %s can't be opened", b.config.Backend)
	} else {
		e.Err = fmt.Errorf("this forcecred has no keyring %q", b.config.Backend)
		e.Remedy = remedy.Remedy{Code: "set_keystore_to_one_of", Detail: fmt.Sprint(Available())}
	}
	return e
}

func (b base) normalize(err error) error {
	return &keystore.Error{Reason: keystore.ErrUnavailable, Err: err, Remedy: b.driver.unlockRemedy()}
}

func (base) unlockRemedy() remedy.Remedy                        { return remedy.Remedy{} }
func (base) checkUnlocked(context.Context) error                { return nil }
func (base) checkCollection(context.Context) error              { return nil }
func (base) checkOpened(context.Context) error                  { return nil }
func (base) checkReachable(context.Context) error               { return nil }
func (base) confirmNotFound(*session, string) error             { return notFoundError() }
func (base) confirmEmpty(*session) error                        { return nil }
func (base) getDirectly(context.Context, string) ([]byte, bool) { return nil, false }
func (base) flush(context.Context) error                        { return nil }
func (base) closeSession(context.Context)                       {}
func (base) mayBeLocked(context.Context) bool                   { return false }
func (base) lockPlace() lockPlace                               { return nil }

func (b base) canPrompt() bool {
	return propertiesOf[b.config.Backend].hasOwnDialog || os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

const (
	collection = "login"     // the collection that a login unlocks
	wallet     = "kdewallet" // likewise
	service    = "forcecred" // the folder, keyring or service that holds our items
)

// libraryConfig returns the library's settings. With them, no backend asks for a
// password through the library, which would do it on the standard streams.
func (s *Store) libraryConfig() keyring.Config {
	return keyring.Config{
		// Only one: the library opens the next one silently if the first fails.
		AllowedBackends:          []keyring.BackendType{keyring.BackendType(s.config.Backend)},
		ServiceName:              service,
		KeychainTrustApplication: true, // or each use shows a dialog
		LibSecretCollectionName:  collection,
		KWalletAppID:             service,
		KWalletFolder:            service,
		WinCredPrefix:            service,
	}
}

func (s *Store) openLibrary(config keyring.Config) (ring, error) {
	opened, err := keyring.Open(config)
	if err != nil {
		return nil, s.driver.unavailable()
	}
	return libraryRing{opened}, nil
}

// libraryRing is a ring of the library. The library takes no context: call stops waiting
// for it.
type libraryRing struct{ library keyring.Keyring }

func (r libraryRing) Get(_ context.Context, name string) ([]byte, error) {
	item, err := r.library.Get(name)
	return item.Data, err
}

func (r libraryRing) Set(_ context.Context, name string, data []byte) error {
	return r.library.Set(keyring.Item{Key: name, Data: data, Label: name})
}

func (r libraryRing) Delete(_ context.Context, name string) error { return r.library.Remove(name) }

func (r libraryRing) List(context.Context) ([]string, error) { return r.library.Keys() }

func notFoundError() error { return &keystore.Error{Reason: keystore.ErrNotFound} }

// normalize returns an error of the driver's ring as a [keystore.Error]. A context's
// error stays itself.
func (s *Store) normalize(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, keyring.ErrKeyNotFound) {
		return notFoundError()
	}
	if e, ok := errors.AsType[*keystore.Error](err); ok {
		return e
	}
	if isDecodingError(err) {
		return &keystore.Error{Reason: keystore.ErrCorrupt, Err: errors.New("the keyring's item is not what forcecred writes"), Remedy: remedy.To("store_again")}
	}
	return s.driver.normalize(err)
}

// busFault returns what is wrong with the session bus, or nil if it answers or no keystore
// needed it so far.
func busFault() (todo remedy.Remedy, cause error) {
	switch sessionbus.Current() {
	case sessionbus.Mute:
		return remedy.To("restart_session_bus"), errors.New("the session bus does not answer")
	case sessionbus.Alien:
		return remedy.To("set_session_bus"), errors.New("the process at the session bus's address is not a session bus")
	case sessionbus.Refused:
		return remedy.To("run_as_bus_owner"), errors.New("the session bus belongs to another user")
	case sessionbus.None:
		return remedy.To("start_session_bus"), errors.New("there is no session bus")
	case sessionbus.Closed:
		return remedy.To("start_session_bus"), errors.New("the session bus closed the connection")
	}
	return remedy.Remedy{}, nil
}

// SessionBus connects to the session bus if backend is on it. It reports whether this
// process has looked for the bus, and returns what is wrong with it, or nil if it answers.
func SessionBus(backend Backend) (sought bool, fault *keystore.Error) {
	if backend.OnBus() {
		sessionbus.Connect()
	}
	if todo, cause := busFault(); cause != nil {
		return true, &keystore.Error{Op: "reach the session bus", Reason: keystore.ErrUnavailable, Err: cause, Remedy: todo}
	}
	return sessionbus.Current() != sessionbus.Unused, nil
}
