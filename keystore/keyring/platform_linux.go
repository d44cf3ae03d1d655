package keyring

import (
	"context"
	"slices"
	"time"

	"forcecred/keystore/keyring/sessionbus"

	"github.com/godbus/dbus"
)

// newPlatformDriver returns the driver of a backend that only some systems have.
func newPlatformDriver(b base) driver {
	switch b.config.Backend {
	case SecretService:
		return newSecretService(b)
	case KWallet:
		return newKWallet(b)
	case Pass:
		return newPass(b)
	case KeyCtl:
		return keyCtl{b}
	}
	return b
}

// detectTimeout is the timeout of Detect's calls of the bus.
const detectTimeout = time.Second

// Detect returns the keyring to use if nobody has named one: the Secret Service, or else
// KWallet, if the session bus has it or can start it.
func Detect(ctx context.Context) (Backend, bool) {
	if sessionbus.Connect() != sessionbus.Usable {
		return "", false
	}
	conn, err := dbus.SessionBus()
	if err != nil {
		return "", false
	}
	ctx, cancel := context.WithTimeout(ctx, detectTimeout)
	defer cancel()
	var names []string
	for _, method := range []string{"ListNames", "ListActivatableNames"} {
		var some []string
		if err := conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus."+method, 0).Store(&some); err != nil {
			return "", false
		}
		names = append(names, some...)
	}
	switch {
	case slices.Contains(names, secretsName):
		return SecretService, true
	case slices.Contains(names, kwalletName):
		return KWallet, true
	}
	return "", false
}
