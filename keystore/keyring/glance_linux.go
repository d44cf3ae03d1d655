package keyring

import (
	"bytes"
	"encoding/json"

	"github.com/99designs/keyring"
	"github.com/godbus/dbus"
)

// glance reads the item under name from the Secret Service as the library does,
// in two round trips: the library takes seven, four of them to open the keyring
// twice. It reports false for all but an item that is there, unlocked and stored
// as it is: what the matter is comes out when the library is asked, which may
// show a dialog.
func (t *turn) glance(name string) (item []byte, ok bool) {
	if t.config.Backend != SecretService {
		return nil, false
	}
	conn, err := t.bus()
	if err != nil {
		return nil, false
	}
	// Neither waits for the other's answer.
	opening := conn.Object(secretsName, secretsPath).GoWithContext(t.ctx, "org.freedesktop.Secret.Service.OpenSession", 0, nil, "plain", dbus.MakeVariant(""))
	search := conn.Object(secretsName, t.itsCollection()).GoWithContext(t.ctx, "org.freedesktop.Secret.Collection.SearchItems", 0, nil, map[string]string{"profile": name})
	var output dbus.Variant
	var session dbus.ObjectPath
	var items []dbus.ObjectPath
	if (<-opening.Done).Store(&output, &session) != nil {
		return nil, false
	}
	// Else a process that lives long would have one more session with each read.
	defer conn.Object(secretsName, session).Go("org.freedesktop.Secret.Session.Close", dbus.FlagNoReplyExpected, nil)
	if (<-search.Done).Store(&items) != nil || len(items) == 0 {
		return nil, false
	}
	var secret struct {
		Session           dbus.ObjectPath
		Parameters, Value []byte
		ContentType       string
	}
	if conn.Object(secretsName, items[0]).CallWithContext(t.ctx, "org.freedesktop.Secret.Item.GetSecret", 0, session).Store(&secret) != nil {
		return nil, false
	}
	var stored keyring.Item
	if json.Unmarshal(secret.Value, &stored) != nil || len(stored.Data) == 0 || bytes.HasPrefix(stored.Data, []byte(headMagic)) {
		return nil, false
	}
	return stored.Data, true
}
