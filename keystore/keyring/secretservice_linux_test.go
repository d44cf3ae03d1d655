package keyring

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/storetest"

	"github.com/godbus/dbus"
)

// startGNOMEKeyring starts gnome-keyring with an unlocked collection "login", in place of
// another one, and returns when it answers. A daemon that the bus has started meanwhile may get
// the password in its place, so it tries more than once.
func startGNOMEKeyring(t *testing.T) *exec.Cmd {
	t.Helper()
	s, _ := newStore(t, Config{Backend: SecretService})
	for range 3 {
		cmd := start(t, strings.NewReader("test-password"), "gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets")
		waitForOwner(t, secretsName, cmd.Process.Pid)
		for range 1000 {
			if locked, err := isLocked(t, s); err == nil && !locked {
				return cmd
			}
			time.Sleep(20 * time.Millisecond)
		}
		kill(t, cmd.Process.Pid)
	}
	t.Fatal("gnome-keyring has no unlocked collection")
	return nil
}

func TestSecretService(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	startGNOMEKeyring(t)
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

// TestSecretServiceSessions: no session is left open. The service holds open ones, and the
// library closes none.
func TestSecretServiceSessions(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	startGNOMEKeyring(t)
	s, _ := newStore(t, Config{Backend: SecretService})
	const times = 50
	for range times {
		must(t, s.Set(t.Context(), prod, []byte(item)))
		wantItem(t, s, prod, item)
	}
	must(t, s.Delete(t.Context(), prod))
	for range 200 {
		if countSessions(t) == 0 {
			break
		}
		time.Sleep(20 * time.Millisecond) // nobody waits until a session is closed
	}
	if left := countSessions(t); left != 0 {
		t.Errorf("%d sessions are left", left)
	}
	// Without closeSession, the count is not zero.
	library, err := s.driver.open()
	must(t, err)
	_, err = library.List(t.Context())
	must(t, err)
	if left := countSessions(t); left == 0 {
		t.Error("the library closes its sessions, or countSessions does not see them: this test can't fail")
	}
}

// countSessions counts the service's open sessions.
func countSessions(t *testing.T) int {
	t.Helper()
	return strings.Count(run(t, "", "dbus-send", "--session", "--print-reply", "--dest="+secretsName,
		"/org/freedesktop/secrets/session", "org.freedesktop.DBus.Introspectable.Introspect"), "<node name=")
}

// TestSecretServiceDefault: the service has no collection "login", like KeePassXC's or KDE's.
// The name of its default collection has an escape.
func TestSecretServiceDefault(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	daemon := start(t, nil, "gnome-keyring-daemon", "--foreground", "--components=secrets")
	waitForOwner(t, secretsName, daemon.Process.Pid)
	path := makeDefault(t, "test work")
	if !strings.Contains(string(path), "_") {
		t.Fatalf("%s has no escape: this test does not test unescaping", path)
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

// makeDefault creates a collection without a dialog, and makes it the default one.
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

func lockCollection(t *testing.T) {
	t.Helper()
	run(t, "", "dbus-send", "--session", "--print-reply", "--dest="+secretsName, "/org/freedesktop/secrets",
		"org.freedesktop.Secret.Service.Lock", "array:objpath:"+string(loginCollection))
}

func TestSecretServiceLocked(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	startGNOMEKeyring(t)
	s, quiet := newStore(t, Config{Backend: SecretService})
	quiet.config.NoPrompt = true
	must(t, s.Set(t.Context(), prod, []byte(item)))
	wantItem(t, quiet, prod, item)
	lockCollection(t)
	wantErrors(t, quiet, keystore.ErrLocked, "is locked", "unlock")
	wantItemErrors(t, s, keystore.ErrLocked, "is locked", "unlock")
	// A locked daemon still lists the names of items.
	if keys, err := s.List(t.Context(), prod.Kind); err != nil || len(keys) != 1 {
		t.Errorf("keys: %v (%v), want one", keys, err)
	}
	_, err := s.Get(t.Context(), prodToken)
	wantError(t, err, keystore.ErrLocked, "is locked", "unlock")
}

// TestSecretServiceDialog: the daemon shows a dialog that nobody sees.
func TestSecretServiceDialog(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send", "Xvfb")
	if !onBusWithScreen(t) {
		return
	}
	startGNOMEKeyring(t)
	config := Config{Backend: SecretService, Timeout: 2 * time.Second, PromptTimeout: 5 * time.Second}
	s, quiet := newStore(t, config)
	quiet.config.NoPrompt = true
	must(t, s.Set(t.Context(), prod, []byte(item)))
	lockCollection(t)
	wantErrors(t, quiet, keystore.ErrLocked, "is locked", "unlock")
	begin := time.Now()
	_, err := s.Get(t.Context(), prod)
	wantError(t, err, keystore.ErrLocked, "", "unlock")
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	t.Logf("%v after %v", err, time.Since(begin))
}

func TestSecretServiceNeverUnlocked(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	daemon := start(t, nil, "gnome-keyring-daemon", "--foreground", "--components=secrets")
	waitForOwner(t, secretsName, daemon.Process.Pid)
	s, quiet := newStore(t, Config{Backend: SecretService})
	quiet.config.NoPrompt = true
	wantErrors(t, s, keystore.ErrUnavailable, "no collection", "gnome-keyring-daemon --unlock")
	wantErrors(t, quiet, keystore.ErrUnavailable, "no collection", "gnome-keyring-daemon --unlock")
}

// TestSecretServiceKilled kills the daemon. The bus starts another one, which is locked.
func TestSecretServiceKilled(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	daemon := startGNOMEKeyring(t)
	s, _ := newStore(t, Config{Backend: SecretService})
	must(t, s.Set(t.Context(), prod, []byte(item)))
	kill(t, daemon.Process.Pid)
	for range 3 {
		_, err := s.Get(t.Context(), prod)
		if !errors.Is(err, keystore.ErrLocked) && !errors.Is(err, keystore.ErrUnavailable) {
			t.Errorf("got %v, want ErrLocked or ErrUnavailable", err)
		}
	}
	startGNOMEKeyring(t)
	wantItem(t, s, prod, item)
}

// TestSecretServiceKilledWriting kills the daemon during writes. An item that Set has
// reported as stored is there, and no item is torn.
func TestSecretServiceKilledWriting(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	s, _ := newStore(t, Config{Backend: SecretService})
	for round := range 4 {
		daemon := startGNOMEKeyring(t)
		var reported byte
		var done sync.WaitGroup
		done.Go(func() {
			for i := byte(1); ; i++ {
				if err := s.Set(t.Context(), prodToken, slices.Repeat([]byte{i}, 1000*int(i))); err != nil {
					return
				}
				reported = i
			}
		})
		time.Sleep(time.Duration(60+37*round) * time.Millisecond)
		kill(t, daemon.Process.Pid)
		done.Wait()
		replaced := startGNOMEKeyring(t)
		got, err := s.Get(t.Context(), prodToken)
		if reported > 0 && (err != nil || got[0] != reported && got[0] != reported+1) || err == nil && len(got) != 1000*int(got[0]) {
			t.Errorf("after write %d: an item of %d bytes (%v)", reported, len(got), err)
		}
		kill(t, replaced.Process.Pid)
	}
}

// TestSecretServiceStopped: the daemon is stopped and does not answer. After it continues, it
// executes the calls that it has received.
func TestSecretServiceStopped(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	daemon := startGNOMEKeyring(t)
	s, other := newStore(t, Config{Backend: SecretService})
	must(t, s.Set(t.Context(), prod, []byte(item)))
	s.config.Timeout = 300 * time.Millisecond
	other.config.Timeout = s.config.Timeout
	must(t, daemon.Process.Signal(syscall.SIGSTOP))
	wantError(t, s.Set(t.Context(), prod, []byte("test-refresh-token-2")), keystore.ErrUnavailable, "did not answer within 300ms", "hangs")
	_, err := other.Get(t.Context(), prod)
	wantError(t, err, keystore.ErrUnavailable, "", "hangs")
	must(t, daemon.Process.Signal(syscall.SIGCONT))
	other.config.Timeout = 20 * time.Second
	wantItem(t, other, prod, item) // the stopped daemon got no write

	lock, err := s.Lock(t.Context(), "prod")
	must(t, err)
	wantError(t, s.write(t.Context(), prod, func(session *session, name string) error {
		return errors.Join(daemon.Process.Signal(syscall.SIGSTOP), session.set(name, []byte("test-refresh-token-2")))
	}), keystore.ErrUnavailable, "did not answer within 300ms", "hangs")
	must(t, lock.Release())
	must(t, lock.Release())
	if _, err := other.Lock(contextFor(t, 100*time.Millisecond), "prod"); err == nil {
		t.Error("the lock was free while a write was under way")
	}
	must(t, daemon.Process.Signal(syscall.SIGCONT))
	lock, err = other.Lock(contextFor(t, 20*time.Second), "prod")
	must(t, err)
	wantItem(t, other, prod, "test-refresh-token-2")
	must(t, other.Set(t.Context(), prod, []byte("test-refresh-token-3")))
	must(t, lock.Release())
	wantItem(t, other, prod, "test-refresh-token-3")
}

func TestProcesses(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if os.Getenv(processPrefix) == "" {
		if !onBus(t) {
			return
		}
		startGNOMEKeyring(t)
	}
	testProcesses(t, SecretService, func(t *testing.T) (*Store, *Store) { return newStore(t, Config{Backend: SecretService}) })
}

// TestManyItems: the keyring has 200 orgs, 200 items of other programs, and a large item.
func TestManyItems(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	startGNOMEKeyring(t)
	s, _ := newStore(t, Config{Backend: SecretService})
	const many = 200
	for i := range many {
		inSession(t, s, func(session *session) error {
			return errors.Join(
				session.set(fmt.Sprintf("aws-vault-%d", i), []byte("foreign")),
				session.set(fmt.Sprintf("%sorg/org%d", s.prefix, i), []byte(item)))
		})
	}
	must(t, s.Set(t.Context(), prodToken, make([]byte, MaxItem)))
	begin := time.Now()
	keys, err := s.List(t.Context(), keystore.KindGrant)
	if err != nil || len(keys) != many {
		t.Errorf("%d keys (%v), want %d", len(keys), err, many)
	}
	t.Logf("%d keys of %d items in %v", len(keys), 2*many+1, time.Since(begin))
	wantItem(t, s, keys[0], item)
	wantItem(t, s, prodToken, string(make([]byte, MaxItem)))
}
