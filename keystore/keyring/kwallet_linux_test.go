package keyring

import (
	"errors"
	"os/exec"
	"testing"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/storetest"

	"github.com/godbus/dbus"
)

// startKWallet starts kwalletd5 without a screen, and opens the wallet with a key as the PAM
// module of a login does.
func startKWallet(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := start(t, nil, "kwalletd5")
	waitForOwner(t, kwalletName, cmd.Process.Pid)
	openWallet(t)
	return cmd
}

// kwalletKey has the length of kwalletd5's hash of a password.
var kwalletKey = make([]byte, 56)

func openWallet(t *testing.T) {
	t.Helper()
	conn, err := dbus.SessionBus()
	must(t, err)
	object := conn.Object(kwalletName, kwalletPath)
	must(t, object.CallWithContext(contextFor(t, 20*time.Second), "org.kde.KWallet.pamOpen", 0, wallet, kwalletKey, 0).Err)
}

// onKWalletBus is onBus, with an environment in which kwalletd5 needs no screen.
func onKWalletBus(t *testing.T) bool {
	t.Helper()
	need(t, "kwalletd5", "dbus-send")
	return onBus(t, "QT_QPA_PLATFORM=offscreen")
}

func TestKWallet(t *testing.T) {
	if !onKWalletBus(t) {
		return
	}
	startKWallet(t)
	t.Run("conformance", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) (keystore.Store, keystore.Store) { return newStore(t, Config{Backend: KWallet}) })
	})
}

// TestKWalletKilled kills the daemon between two calls, and right after a write: without a
// flush, the daemon would hold the write in memory for seconds.
func TestKWalletKilled(t *testing.T) {
	if !onKWalletBus(t) {
		return
	}
	s, quiet := newStore(t, Config{Backend: KWallet})
	quiet.config.NoPrompt = true
	for i := range 3 {
		daemon := startKWallet(t)
		key := keystore.Key{Kind: keystore.KindGrant, Org: keystore.Org(rune('a' + i))}
		must(t, s.Set(t.Context(), key, []byte(item)))
		must(t, s.Set(t.Context(), prod, []byte(item)))
		must(t, s.Set(t.Context(), prod, []byte(item+key.String())))
		kill(t, daemon.Process.Pid)
		daemon = startKWallet(t)
		wantItem(t, quiet, key, item)
		wantItem(t, quiet, prod, item+key.String())
		kill(t, daemon.Process.Pid)
	}
	daemon := startKWallet(t)
	deleted := keystore.Key{Kind: keystore.KindGrant, Org: "a"}
	must(t, s.Delete(t.Context(), deleted))
	kill(t, daemon.Process.Pid)
	daemon = startKWallet(t)
	if _, err := quiet.Get(t.Context(), deleted); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("get a deleted item: %v, want ErrNotFound", err)
	}
	kill(t, daemon.Process.Pid)
	// Now the bus starts a daemon whose wallet is closed.
	for range 100 {
		_, err := quiet.Get(t.Context(), prod)
		if errors.Is(err, keystore.ErrNotFound) || err == nil {
			t.Errorf("get: %v, want a failure", err)
		}
		if _, err := isLocked(t, quiet); err == nil {
			break
		}
	}
	wantErrors(t, quiet, keystore.ErrLocked, "is locked", "KWalletManager")
	openWallet(t)
	wantItem(t, s, prod, item+"org/c")
}

// TestKWalletDialog: kwalletd5 shows a dialog that nobody sees.
func TestKWalletDialog(t *testing.T) {
	if !onKWalletBus(t) {
		return
	}
	s, quiet := newStore(t, Config{Backend: KWallet})
	quiet.config.NoPrompt = true
	wantErrors(t, quiet, keystore.ErrLocked, "is locked", "KWalletManager")
	s.config.Timeout = time.Second
	_, err := s.Get(t.Context(), prod)
	wantError(t, err, keystore.ErrLocked, "nobody unlocked", "KWalletManager")
	_, err = s.Get(t.Context(), prod)
	wantError(t, err, keystore.ErrUnavailable, "earlier call", "dialog")
}

// TestKWalletCancelled: a person cancels the dialog. Then the daemon reports success, even
// for a write.
func TestKWalletCancelled(t *testing.T) {
	need(t, "kwalletd5", "dbus-send", "Xvfb", "xdotool")
	if !onBusWithScreen(t) {
		return
	}
	s, _ := newStore(t, Config{Backend: KWallet, PromptTimeout: 2 * time.Minute})
	for name, use := range map[string]func() error{
		"get":    func() error { _, err := s.Get(t.Context(), prod); return err },
		"set":    func() error { return s.Set(t.Context(), prod, []byte(item)) },
		"delete": func() error { return s.Delete(t.Context(), prod) },
		"list":   func() error { _, err := s.List(t.Context(), prod.Kind); return err },
	} {
		dialogs, err := cancelDialogs(t, use)
		if dialogs == 0 && errors.Is(err, keystore.ErrUnavailable) {
			// The daemon has crashed after the dialog before: the bus starts another one.
			t.Log(name, ": ", err)
			dialogs, err = cancelDialogs(t, use)
		}
		wantError(t, err, keystore.ErrLocked, "is locked", "KWalletManager")
		if dialogs == 0 {
			t.Errorf("%s showed no dialog", name)
		}
		t.Logf("%s: Escape %d times", name, dialogs)
	}
}

// cancelDialogs cancels each dialog of kwalletd5 until use returns.
func cancelDialogs(t *testing.T, use func() error) (dialogs int, err error) {
	t.Helper()
	done := make(chan error)
	go func() { done <- use() }()
	for {
		select {
		case err := <-done:
			return dialogs, err
		case <-time.After(200 * time.Millisecond):
			if exec.Command("xdotool", "search", "--onlyvisible", "--class", "kwalletd5").Run() == nil {
				dialogs++
				run(t, "", "xdotool", "key", "Escape")
			}
		}
	}
}
