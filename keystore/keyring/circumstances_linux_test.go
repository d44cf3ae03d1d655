package keyring

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"forcecred/keystore"
)

// wantErrors fails unless every operation on prod fails for that reason.
func wantErrors(t *testing.T, s *Store, reason error, text string, hint string) {
	t.Helper()
	wantItemErrors(t, s, reason, text, hint)
	_, err := s.List(t.Context(), prod.Kind)
	wantError(t, err, reason, text, hint)
}

func wantItemErrors(t *testing.T, s *Store, reason error, text string, hint string) {
	t.Helper()
	_, err := s.Get(t.Context(), prod)
	wantError(t, err, reason, text, hint)
	wantError(t, s.Set(t.Context(), prod, []byte(item)), reason, text, hint)
	wantError(t, s.Delete(t.Context(), prod), reason, text, hint)
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
	startKeyring(t)
	s, quiet := newStore(t, Config{Backend: SecretService})
	quiet.config.NoPrompt = true
	must(t, s.Set(t.Context(), prod, []byte(item)))
	wantItem(t, quiet, prod, item)
	lockCollection(t)
	wantErrors(t, quiet, keystore.ErrLocked, "is locked", "unlock")
	wantItemErrors(t, s, keystore.ErrLocked, "is locked", "unlock")
	// The names of items are no secret, and this daemon still knows them.
	if keys, err := s.List(t.Context(), prod.Kind); err != nil || len(keys) != 1 {
		t.Errorf("keys: %v (%v), want one", keys, err)
	}
	_, err := s.Get(t.Context(), prodToken)
	wantError(t, err, keystore.ErrLocked, "is locked", "unlock")
}

// TestSecretServiceDialog has a dialog on a screen that nobody looks at.
func TestSecretServiceDialog(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send", "Xvfb")
	if !onScreen(t) {
		return
	}
	startKeyring(t)
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

// TestSecretServiceKilled kills the daemon: the bus starts another one, which
// nobody has unlocked.
func TestSecretServiceKilled(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	daemon := startKeyring(t)
	s, _ := newStore(t, Config{Backend: SecretService})
	must(t, s.Set(t.Context(), prod, []byte(item)))
	kill(t, daemon.Process.Pid)
	for range 3 {
		_, err := s.Get(t.Context(), prod)
		if !errors.Is(err, keystore.ErrLocked) && !errors.Is(err, keystore.ErrUnavailable) {
			t.Errorf("got %v, want ErrLocked or ErrUnavailable", err)
		}
	}
	startKeyring(t)
	wantItem(t, s, prod, item)
}

// TestSecretServiceKilledWriting kills the daemon in the middle of writes: what
// was reported as written is there, and an item is whole.
func TestSecretServiceKilledWriting(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	s, _ := newStore(t, Config{Backend: SecretService})
	for round := range 4 {
		daemon := startKeyring(t)
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
		replaced := startKeyring(t)
		got, err := s.Get(t.Context(), prodToken)
		if reported > 0 && (err != nil || got[0] != reported && got[0] != reported+1) || err == nil && len(got) != 1000*int(got[0]) {
			t.Errorf("after write %d: an item of %d bytes (%v)", reported, len(got), err)
		}
		kill(t, replaced.Process.Pid)
	}
}

// TestSecretServiceStopped has a daemon that is there and does not answer, and
// then does what it was told.
func TestSecretServiceStopped(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	daemon := startKeyring(t)
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
	wantItem(t, other, prod, item) // nothing was written to the one that did not answer

	unlock, err := s.Lock(t.Context(), "prod")
	must(t, err)
	wantError(t, s.write(t.Context(), prod, func(session *session, name string) error {
		return errors.Join(daemon.Process.Signal(syscall.SIGSTOP), session.set(name, []byte("test-refresh-token-2")))
	}), keystore.ErrUnavailable, "did not answer within 300ms", "hangs")
	must(t, unlock())
	must(t, unlock())
	if _, err := other.Lock(contextFor(t, 100*time.Millisecond), "prod"); err == nil {
		t.Error("the lock was free while a write was under way")
	}
	must(t, daemon.Process.Signal(syscall.SIGCONT))
	unlock, err = other.Lock(contextFor(t, 20*time.Second), "prod")
	must(t, err)
	wantItem(t, other, prod, "test-refresh-token-2")
	must(t, other.Set(t.Context(), prod, []byte("test-refresh-token-3")))
	must(t, unlock())
	wantItem(t, other, prod, "test-refresh-token-3")
}

func TestBusGone(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	startKeyring(t)
	s, quiet := newStore(t, Config{Backend: SecretService})
	quiet.config.NoPrompt = true
	must(t, s.Set(t.Context(), prod, []byte(item)))
	wantItem(t, quiet, prod, item)
	pid, err := strconv.Atoi(os.Getenv(busPID))
	must(t, err)
	kill(t, pid)
	for range 2 {
		for _, s := range []*Store{s, quiet} {
			_, err := s.Get(t.Context(), prod)
			wantError(t, err, keystore.ErrConnectionLost, "session bus has ended", "restart a plugin")
			wantError(t, s.Set(t.Context(), prod, []byte(item)), keystore.ErrConnectionLost, "session bus has ended", "restart a plugin")
		}
	}
	if _, err := New(s.config).Get(t.Context(), prod); !errors.Is(err, keystore.ErrConnectionLost) || !errors.Is(err, keystore.ErrUnavailable) {
		t.Errorf("a store that was opened afterwards: %v, want ErrConnectionLost, which is an ErrUnavailable", err)
	}
}

// TestNobodyOnTheBus has a bus on which no keyring is, nor can be started.
func TestNobodyOnTheBus(t *testing.T) {
	need(t, "dbus-daemon")
	if os.Getenv(innerTestVariable) == "" {
		home := newHome(t)
		config := home + "/bus.conf"
		must(t, os.WriteFile(config, []byte(`<busconfig><type>session</type><listen>unix:path=`+home+`/bus</listen>
			<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`), 0o600))
		address := firstLine(t, exec.CommandContext(t.Context(), "dbus-daemon", "--config-file="+config, "--nofork", "--print-address"))
		inner(t, append(homeEnv(home), "DBUS_SESSION_BUS_ADDRESS="+address)...)
		return
	}
	s, _ := newStore(t, Config{Backend: SecretService})
	wantErrors(t, s, keystore.ErrUnavailable, "no Secret Service answers", "gnome-keyring")
	s, _ = newStore(t, Config{Backend: KWallet})
	wantErrors(t, s, keystore.ErrUnavailable, "kwalletd5 does not answer", "KWallet")
}
