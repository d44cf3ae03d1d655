package keyring

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"forcecred/keystore"

	"github.com/godbus/dbus"
)

// hasBus reports that the library speaks D-Bus on this system.
const hasBus = true

// errQuota is an error of the kernel's keyring.
const errQuota = syscall.EDQUOT

// askPatience bounds a question that is asked when the keyring is late already.
const askPatience = 500 * time.Millisecond

const (
	kwalletName = "org.kde.kwalletd5"
	kwalletPath = dbus.ObjectPath("/modules/kwalletd5")
)

// bus returns the connection that the library has made.
func (s *Store) bus() (*dbus.Conn, error) {
	if !slices.Contains(Available(), s.config.Backend) {
		return nil, s.unavailable()
	}
	conn, err := dbus.SessionBus()
	if err != nil {
		return nil, s.unavailable()
	}
	return conn, nil
}

// isDialled reports whether the library has a connection. Without one it would
// dial anew, which it waits for without end.
func isDialled() bool { return slices.Contains(Available(), SecretService) }

// ask calls a method over the bus, and keeps the first result in result.
func (s *Store) ask(ctx context.Context, name string, path dbus.ObjectPath, method string, result any, args ...any) error {
	conn, err := s.bus()
	if err != nil {
		return err
	}
	return conn.Object(name, path).CallWithContext(ctx, method, 0, args...).Store(result)
}

// askLocked asks whether the collection or wallet is locked. A collection that
// is not there, and a service that does not answer, are errors.
func (s *Store) askLocked(ctx context.Context) (locked bool, err error) {
	if s.config.Backend == KWallet {
		var open bool
		err := s.ask(ctx, kwalletName, kwalletPath, "org.kde.KWallet.isOpen", &open, wallet)
		return !open, s.explain(err)
	}
	return s.isCollectionLocked(ctx)
}

// lockedOnBus reports whether the service says that the keyring is locked.
func (s *Store) lockedOnBus(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	locked, err := s.askLocked(ctx)
	return locked && err == nil
}

func (s *Store) errLocked() error {
	what := "the collection \"" + s.collectionName() + "\""
	if s.config.Backend == KWallet {
		what = "the wallet \"" + wallet + "\""
	}
	return &keystore.Error{Reason: keystore.ErrLocked, Err: errors.New(what + " is locked"), Hint: s.hintUnlock()}
}

// ready looks before the library does, where that would show a dialog.
func (t *turn) ready() error {
	if !t.config.Backend.OnBus() || !t.config.NoPrompt {
		return nil
	}
	locked, err := t.askLocked(t.ctx)
	if err == nil && locked {
		return t.errLocked()
	}
	return err
}

// opened looks whether the wallet is open now: the library takes a dialog that
// was cancelled for success, and would show it again with each step.
func (t *turn) opened() error {
	if t.config.Backend != KWallet {
		return nil
	}
	return t.reachable()
}

// collected looks for the collection, which the library would otherwise make, by
// a dialog that a machine without a screen can't show.
func (t *turn) collected() error {
	if t.config.Backend != SecretService {
		return nil
	}
	_, err := t.askLocked(t.ctx)
	return err
}

// reachable returns nil when a keyring that has just said "not found", or
// listed nothing, can be believed.
func (t *turn) reachable() error {
	switch t.config.Backend {
	case SecretService, KWallet:
		locked, err := t.askLocked(t.ctx)
		if err == nil && locked {
			return t.errLocked()
		}
		return err
	case Pass:
		return passReachable()
	}
	return nil
}

// settle has KWallet write to its file what it would otherwise keep for
// seconds: a rotated refresh token must not be lost with the daemon.
func (t *turn) settle() error {
	if t.config.Backend != KWallet {
		return nil
	}
	if err := t.reachable(); err != nil {
		return err
	}
	var handle int32
	if err := t.explain(t.ask(t.ctx, kwalletName, kwalletPath, "org.kde.KWallet.open", &handle, wallet, int64(0), service)); err != nil {
		return err
	}
	if handle < 0 {
		return t.errLocked()
	}
	conn, err := t.bus()
	if err != nil {
		return err
	}
	return t.explain(conn.Object(kwalletName, kwalletPath).CallWithContext(t.ctx, "org.kde.KWallet.sync", 0, handle, service).Err)
}

// busLost says that the connection has ended. The library keeps it for as long
// as the process lasts.
func busLost() error {
	return &keystore.Error{
		Reason: keystore.ErrLost,
		Err:    errors.New("the session bus has ended"),
		Hint:   "call forcecred again; a plugin that was started before has to be started anew",
	}
}

// isBusLost reports whether the connection that the process began with has ended.
func isBusLost() bool {
	if !isDialled() {
		return false
	}
	conn, err := dbus.SessionBus()
	// Nothing goes out over a connection that has ended; nobody waits for an answer.
	return err == nil && conn.BusObject().Go("org.freedesktop.DBus.Peer.Ping", dbus.FlagNoReplyExpected, nil).Err != nil
}

// explainBus gives an error that came over the bus its reason. Only its name is
// kept.
func (s *Store) explainBus(err error) error {
	e := &keystore.Error{Reason: keystore.ErrUnavailable}
	answer, ok := errors.AsType[dbus.Error](err)
	_, broken := errors.AsType[net.Error](err) // until the library knows that it has ended
	switch {
	case errors.Is(err, dbus.ErrClosed), errors.Is(err, io.EOF), broken:
		return busLost()
	case !ok:
		e.Err, e.Hint = errors.New("the keyring's library failed"), hintSilent
	case answer.Name == "org.freedesktop.Secret.Error.IsLocked":
		return s.errLocked()
	case answer.Name == "org.freedesktop.DBus.Error.ServiceUnknown", strings.HasPrefix(answer.Name, "org.freedesktop.DBus.Error.Spawn"):
		return s.unavailable()
	case answer.Name == "org.freedesktop.DBus.Error.NoReply":
		e.Err, e.Hint = errors.New("the keyring ended while it was asked"), "call forcecred again"
	case answer.Name == "org.freedesktop.Secret.Error.NoSuchObject":
		return noCollection()
	default:
		e.Err, e.Hint = errors.New("the keyring answered "+answer.Name), s.hintUnlock()
	}
	return e
}
