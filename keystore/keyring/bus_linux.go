package keyring

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/keyring/sessionbus"
	"forcecred/protocol/remedy"

	"github.com/godbus/dbus"
)

// busDriver is what the drivers on the session bus have in common.
type busDriver struct {
	base
	service busService
}

// busService is the service behind a busDriver.
type busService interface {
	// isLocked asks whether the collection or wallet is locked. A missing collection and a
	// service that does not answer are errors.
	isLocked(ctx context.Context) (bool, error)

	// itemsName names what holds the items: `the wallet "kdewallet"`.
	itemsName() string

	// noAnswer returns the error and the remedy of a bus on which the service does not answer.
	noAnswer() (todo remedy.Remedy, cause error)
}

// lateQueryTimeout is the timeout of a call that follows one without an answer.
const lateQueryTimeout = 500 * time.Millisecond

// conn returns the library's connection to the session bus.
func (b busDriver) conn() (*dbus.Conn, error) {
	if !b.config.Backend.isAvailable() {
		return nil, b.driver.unavailable()
	}
	conn, err := dbus.SessionBus()
	if err != nil {
		return nil, b.driver.unavailable()
	}
	return conn, nil
}

// ask calls a method over the bus, and stores its first result in result.
func (b busDriver) ask(ctx context.Context, name string, path dbus.ObjectPath, method string, result any, args ...any) error {
	conn, err := b.conn()
	if err != nil {
		return err
	}
	return conn.Object(name, path).CallWithContext(ctx, method, 0, args...).Store(result)
}

func (b busDriver) lockedError() error {
	return &keystore.Error{Reason: keystore.ErrLocked, Err: errors.New(b.service.itemsName() + " is locked"), Remedy: b.driver.unlockRemedy()}
}

func (b busDriver) checkUnlocked(ctx context.Context) error {
	if !b.config.NoPrompt {
		return nil
	}
	return b.checkReachable(ctx)
}

func (b busDriver) checkReachable(ctx context.Context) error {
	isLocked, err := b.service.isLocked(ctx)
	if err == nil && isLocked {
		return b.lockedError()
	}
	return err
}

func (b busDriver) mayBeLocked(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, lateQueryTimeout)
	defer cancel()
	isLocked, err := b.service.isLocked(ctx)
	return isLocked && err == nil
}

func (b busDriver) unavailable() error {
	if isBusLost() {
		return busLostError()
	}
	e := &keystore.Error{Reason: keystore.ErrUnavailable}
	if b.config.Backend.isAvailable() {
		e.Remedy, e.Err = b.service.noAnswer()
	} else if e.Remedy, e.Err = busFault(); e.Err == nil {
		e.Err, e.Remedy = errors.New("the session bus closed the connection"), remedy.To("start_session_bus")
	}
	return e
}

// busLostError says that the connection has ended. The library keeps it until the
// process ends.
func busLostError() error {
	return &keystore.Error{
		Reason: keystore.ErrConnectionLost,
		Err:    errors.New("the session bus has ended"),
		Remedy: remedy.To("call_again_new_plugin"),
	}
}

// isBusLost reports whether the connection that the process began with has ended.
func isBusLost() bool {
	if !sessionbus.IsConnected() {
		return false
	}
	conn, err := dbus.SessionBus()
	// A closed connection sends nothing; an open one does not wait for the answer.
	return err == nil && conn.BusObject().Go("org.freedesktop.DBus.Peer.Ping", dbus.FlagNoReplyExpected, nil).Err != nil
}

// normalize drops all of a bus error but its name.
func (b busDriver) normalize(err error) error {
	e := &keystore.Error{Reason: keystore.ErrUnavailable}
	answer, ok := errors.AsType[dbus.Error](err)
	_, isNetwork := errors.AsType[net.Error](err) // until the library knows that the connection has ended
	switch {
	case errors.Is(err, dbus.ErrClosed), errors.Is(err, io.EOF), isNetwork:
		return busLostError()
	case !ok:
		e.Err, e.Remedy = errors.New("the keyring's library failed"), remedy.To("see_keyring_dialog")
	case answer.Name == "org.freedesktop.Secret.Error.IsLocked":
		return b.lockedError()
	case answer.Name == "org.freedesktop.DBus.Error.ServiceUnknown", strings.HasPrefix(answer.Name, "org.freedesktop.DBus.Error.Spawn"):
		return b.driver.unavailable()
	case answer.Name == "org.freedesktop.DBus.Error.NoReply":
		e.Err, e.Remedy = errors.New("the keyring ended during the call"), remedy.To("try_again")
	case answer.Name == "org.freedesktop.Secret.Error.NoSuchObject":
		return noCollectionError()
	default:
		e.Err, e.Remedy = errors.New("the keyring answered "+answer.Name), b.driver.unlockRemedy()
	}
	return e
}
