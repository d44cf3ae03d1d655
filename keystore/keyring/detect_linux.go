package keyring

import (
	"context"
	"slices"
	"time"

	"github.com/godbus/dbus"
)

// detectPatience bounds the questions that Detect asks of the bus.
const detectPatience = time.Second

// Detect returns the keyring to use where nobody has named one: the Secret
// Service, or else KWallet, if the session bus has it or can start it.
func Detect(ctx context.Context) (Backend, bool) {
	if !isDialled() {
		return "", false
	}
	conn, err := dbus.SessionBus()
	if err != nil {
		return "", false
	}
	ctx, cancel := context.WithTimeout(ctx, detectPatience)
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
