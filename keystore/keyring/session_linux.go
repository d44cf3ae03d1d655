package keyring

import (
	"context"
	"reflect"

	"github.com/99designs/keyring"
	"github.com/godbus/dbus"
)

// endSession ends the session with the Secret Service that the library has
// opened for its last step. It opens one for each step and ends none, and the
// service keeps them all for as long as the process lasts. Best effort: nobody
// waits for the answer, and no service is started for it.
func (t *turn) endSession() {
	if t.config.Backend != SecretService {
		return
	}
	path := sessionOf(t.ring)
	if conn, err := dbus.SessionBus(); err == nil && path != "" {
		conn.Object(secretsName, path).GoWithContext(context.WithoutCancel(t.ctx), "org.freedesktop.Secret.Session.Close", dbus.FlagNoAutoStart, nil)
	}
}

// sessionOf returns the session that the library's keyring used last, or "".
// The library does not give it out, so that it is read out of its fields.
func sessionOf(ring keyring.Keyring) dbus.ObjectPath {
	v := reflect.ValueOf(ring)
	for _, field := range []string{"session", "dbus", "path"} {
		for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
			v = v.Elem() // of nil that is the zero Value, whose kind is Invalid
		}
		if v.Kind() != reflect.Struct {
			return ""
		}
		v = v.FieldByName(field)
	}
	if v.Kind() != reflect.String {
		return ""
	}
	return dbus.ObjectPath(v.String())
}
