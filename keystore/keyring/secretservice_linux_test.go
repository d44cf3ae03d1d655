package keyring

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/storetest"

	"github.com/godbus/dbus"
)

// startKeyring starts gnome-keyring with the collection "login", unlocked, in
// place of one that may be there, and returns once it answers.
func startKeyring(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := start(t, strings.NewReader("test-password"), "gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets")
	waitForOwner(t, secretsName, cmd.Process.Pid)
	s, _ := newStore(t, Config{Backend: SecretService})
	for range 3000 {
		if locked, err := isLocked(t, s); err == nil && !locked {
			return cmd
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("gnome-keyring has no unlocked collection")
	return nil
}

func TestSecretService(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	startKeyring(t)
	t.Run("conformance", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) (keystore.Store, keystore.Store) {
			return newStore(t, Config{Backend: SecretService})
		})
	})
	t.Run("read without the library", func(t *testing.T) {
		s, other := newStore(t, Config{Backend: SecretService})
		other.open = func() (ring, error) { return nil, errors.New("the library was opened") }
		must(t, s.Set(t.Context(), prod, []byte(item)))
		wantItem(t, other, prod, item)
	})
}

// TestSecretServiceSessions: the service keeps what nobody ends, which the
// library does not do.
func TestSecretServiceSessions(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	startKeyring(t)
	s, _ := newStore(t, Config{Backend: SecretService})
	const times = 50
	for range times {
		must(t, s.Set(t.Context(), prod, []byte(item)))
		wantItem(t, s, prod, item)
	}
	must(t, s.Delete(t.Context(), prod))
	for range 200 {
		if sessions(t) == 0 {
			break
		}
		time.Sleep(20 * time.Millisecond) // nobody waits for the end of a session
	}
	if left := sessions(t); left != 0 {
		t.Errorf("%d sessions are left", left)
	}
	// What would have been seen.
	library, err := s.driver.open()
	must(t, err)
	_, err = library.List(t.Context())
	must(t, err)
	if left := sessions(t); left == 0 {
		t.Error("the library ends its sessions, or they are not seen: this test can't fail")
	}
}

// sessions counts the sessions that the service keeps.
func sessions(t *testing.T) int {
	t.Helper()
	return strings.Count(run(t, "", "dbus-send", "--session", "--print-reply", "--dest="+secretsName,
		"/org/freedesktop/secrets/session", "org.freedesktop.DBus.Introspectable.Introspect"), "<node name=")
}

// TestSecretServiceDefault has a service without the collection "login", as that
// of KeePassXC or KDE is, whose default one has a name with an escape in it.
func TestSecretServiceDefault(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	daemon := start(t, nil, "gnome-keyring-daemon", "--foreground", "--components=secrets")
	waitForOwner(t, secretsName, daemon.Process.Pid)
	path := makeDefault(t, "test work")
	if !strings.Contains(string(path), "_") {
		t.Fatalf("%s has no escape in it: this test shows less than it says", path)
	}
	t.Run("conformance", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) (keystore.Store, keystore.Store) {
			return newStore(t, Config{Backend: SecretService})
		})
	})
	s, quiet := newStore(t, Config{Backend: SecretService})
	quiet.config.NoPrompt = true
	must(t, s.Set(t.Context(), prod, []byte(item)))
	wantItem(t, quiet, prod, item)
	run(t, "", "dbus-send", "--session", "--print-reply", "--dest="+secretsName, string(secretsPath),
		"org.freedesktop.Secret.Service.Lock", "array:objpath:"+string(path))
	wantErrors(t, quiet, keystore.ErrLocked, `"test_work" is locked`, "unlock")
}

// makeDefault makes a collection without a dialog, and makes it the default one.
func makeDefault(t *testing.T, label string) dbus.ObjectPath {
	t.Helper()
	conn, err := dbus.SessionBus()
	must(t, err)
	service := conn.Object(secretsName, secretsPath)
	var output dbus.Variant
	var session, path dbus.ObjectPath
	must(t, service.Call("org.freedesktop.Secret.Service.OpenSession", 0, "plain", dbus.MakeVariant("")).Store(&output, &session))
	password := struct {
		Session           dbus.ObjectPath
		Parameters, Value []byte
		ContentType       string
	}{session, nil, []byte("test-password"), "text/plain"}
	must(t, service.Call("org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface.CreateWithMasterPassword", 0,
		map[string]dbus.Variant{"org.freedesktop.Secret.Collection.Label": dbus.MakeVariant(label)}, password).Store(&path))
	must(t, service.Call("org.freedesktop.Secret.Service.SetAlias", 0, "default", path).Err)
	return path
}
