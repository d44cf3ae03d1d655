package keyring

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"forcecred/keystore"
	"forcecred/keystore/keyring/sessionbus"
	"forcecred/protocol/remedy"
)

// lockPlace returns locks that are names on the session bus. A sandbox or a container that
// reaches the keyring reaches the bus.
func (b busDriver) lockPlace() lockPlace { return busLocks{b} }

type busLocks struct{ busDriver }

// busLockPrefix begins the names of locks on the bus. A sandbox may let a program own all
// names that begin so.
const busLockPrefix = "forcecred.lock."

// busLockName returns a name that any process on the bus may see, so it does not show the
// org.
func busLockName(name string) string {
	digest := sha256.Sum256([]byte(name))
	return busLockPrefix + "o" + hex.EncodeToString(digest[:16])
}

func (b busLocks) take(ctx context.Context, name string) (heldLock, error) {
	if !b.config.Backend.isAvailable() {
		return nil, b.driver.unavailable()
	}
	lock, err := sessionbus.TakeName(ctx, busLockName(name))
	switch {
	case errors.Is(err, sessionbus.ErrRefused):
		return nil, &keystore.Error{
			Reason: keystore.ErrUnavailable,
			Err:    fmt.Errorf("the session bus does not let this process own the name %s, which is the lock", busLockName(name)),
			Remedy: remedy.Remedy{Code: "allow_bus_name", Name: busLockPrefix + "*"},
		}
	case errors.Is(err, sessionbus.ErrNoAnswer):
		return nil, &keystore.Error{Reason: keystore.ErrUnavailable, Err: err, Remedy: remedy.To("restart_session_bus")}
	case errors.Is(err, sessionbus.ErrLost):
		return nil, busLostError()
	case err != nil:
		return nil, err
	}
	return busLock{lock}, nil
}

type busLock struct{ *sessionbus.Name }

func (l busLock) Check() error {
	if l.Name.Check() != nil {
		return keystore.ErrLockLost
	}
	return nil
}

func (b busLocks) describe(ctx context.Context, name string) keystore.LockPlace {
	place := keystore.LockPlace{Name: "the session bus"}
	conn, err := b.conn()
	if err != nil {
		return place
	}
	ctx, cancel := context.WithTimeout(ctx, lateQueryTimeout)
	defer cancel()
	var pid uint32
	if conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetConnectionUnixProcessID", 0, busLockName(name)).Store(&pid) == nil {
		place.Holder.PID = int(pid)
	}
	return place
}
