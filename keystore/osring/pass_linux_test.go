package osring

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/storetest"
)

// inHome is inner in a home of the test's own, without a session bus.
func inHome(t *testing.T, keystore string) bool {
	t.Helper()
	if os.Getenv(insideOf) == t.Name() {
		return true
	}
	home := newHome(t)
	must(t, os.Mkdir(filepath.Join(home, "gnupg"), 0o700))
	t.Cleanup(func() {
		// Best effort: the agent that gpg started ends with its home as well.
		cmd := exec.Command("gpgconf", "--kill", "all")
		cmd.Env = homeEnv(home)
		_ = cmd.Run()
	})
	return inner(t, append(homeEnv(home), "FORCECRED_KEYSTORE="+keystore, "DBUS_SESSION_BUS_ADDRESS=")...)
}

// newGPGKey makes a throw-away key with that passphrase and a password store for it.
func newGPGKey(t *testing.T, passphrase string) {
	t.Helper()
	run(t, "", "gpg", "--batch", "--pinentry-mode=loopback", "--passphrase", passphrase, "--quick-generate-key", "test@forcecred.invalid", "future-default", "default", "never")
	run(t, "", "pass", "init", "test@forcecred.invalid")
}

func TestPass(t *testing.T) {
	need(t, "pass", "gpg")
	if !inHome(t, "pass") {
		return
	}
	newGPGKey(t, "")
	storetest.Run(t, func(t *testing.T) (keystore.Store, keystore.Store) {
		return newStore(t, Config{Backend: Pass})
	})
}

func TestPassWithoutKey(t *testing.T) {
	need(t, "pass", "gpg")
	if !inHome(t, "pass") {
		return
	}
	s, _ := newStore(t, Config{Backend: Pass})
	check := func(words, hint string) {
		t.Helper()
		_, err := s.Get(t.Context(), prod)
		wantFault(t, err, keystore.ErrUnavailable, words, hint)
		_, err = s.Keys(t.Context(), prod.Kind)
		wantFault(t, err, keystore.ErrUnavailable, words, hint)
		wantFault(t, s.Set(t.Context(), prod, []byte(item)), keystore.ErrUnavailable, words, hint)
		wantFault(t, s.Remove(t.Context(), prod), keystore.ErrUnavailable, words, hint)
	}
	check("there is no password store", "pass init")

	must(t, os.MkdirAll(passDir(), 0o700)) // pass may have made it
	must(t, os.WriteFile(filepath.Join(passDir(), ".gpg-id"), []byte("nobody@forcecred.invalid\n"), 0o600))
	wantFault(t, s.Set(t.Context(), prod, []byte(item)), keystore.ErrUnavailable, "gpg can't encrypt", ".gpg-id")
	if _, err := s.Get(t.Context(), prod); err == nil {
		t.Error("an item was stored")
	}

	t.Setenv("PATH", "/nowhere")
	s, _ = newStore(t, Config{Backend: Pass})
	_, err := s.Get(t.Context(), prod)
	wantFault(t, err, keystore.ErrUnavailable, "pass is not to be found", "install")
}

// TestPassLocked has a key with a passphrase, which a person enters once.
func TestPassLocked(t *testing.T) {
	need(t, "pass", "gpg")
	if !inHome(t, "pass") {
		return
	}
	newGPGKey(t, "test-passphrase")
	person := func(answer string) {
		t.Helper()
		script := "#!/bin/sh\necho OK\nwhile read word rest; do case $word in GETPIN) echo '" + answer + "';; BYE) exit;; esac; echo OK; done\n"
		gnupg := os.Getenv("GNUPGHOME")
		must(t, os.WriteFile(filepath.Join(gnupg, "pinentry"), []byte(script), 0o700))
		must(t, os.WriteFile(filepath.Join(gnupg, "gpg-agent.conf"), []byte("pinentry-program "+gnupg+"/pinentry\n"), 0o600))
		run(t, "", "gpgconf", "--kill", "gpg-agent")
	}
	person("D test-passphrase")
	s, quiet := newStore(t, Config{Backend: Pass})
	quiet.config.NoPrompt = true
	_, err := quiet.Get(t.Context(), prod)
	if !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("get: %v, want ErrNotFound", err)
	}
	must(t, s.Set(t.Context(), prod, []byte(item)))
	wantItem(t, quiet, prod, item) // the agent knows the passphrase by now

	person("ERR 83886179 Operation cancelled")
	for _, s := range []*Store{s, quiet} {
		_, err := s.Get(t.Context(), prod)
		wantFault(t, err, keystore.ErrLocked, "is locked", "pass show")
		wantFault(t, s.Set(t.Context(), prodToken, []byte(item)), keystore.ErrLocked, "is locked", "pass show")
	}
	keys, err := s.Keys(t.Context(), prod.Kind)
	if err != nil || len(keys) != 1 {
		t.Errorf("keys: %v (%v), want one: names are not encrypted", keys, err)
	}

	person("D test-passphrase")
	_, err = quiet.Get(t.Context(), prod)
	wantFault(t, err, keystore.ErrLocked, "is locked", "pass show")
	wantItem(t, s, prod, item)
	must(t, os.RemoveAll(filepath.Join(os.Getenv("GNUPGHOME"), "private-keys-v1.d")))
	run(t, "", "gpgconf", "--kill", "gpg-agent")
	_, err = s.Get(t.Context(), prod)
	wantFault(t, err, keystore.ErrLocked, "or is not there", "gpg --list-secret-keys")
}

func TestPassDamaged(t *testing.T) {
	need(t, "pass", "gpg")
	if !inHome(t, "pass") {
		return
	}
	newGPGKey(t, "")
	s, _ := newStore(t, Config{Backend: Pass})
	must(t, s.Set(t.Context(), prod, []byte(item)))
	name, err := s.itemName(prod)
	must(t, err)
	path := filepath.Join(passDir(), service, name+".gpg")
	encrypted, err := os.ReadFile(path)
	must(t, err)
	for _, data := range [][]byte{nil, []byte("no GPG file"), encrypted[:len(encrypted)-20]} {
		must(t, os.WriteFile(path, data, 0o600))
		_, err := s.Get(t.Context(), prod)
		wantFault(t, err, keystore.ErrCorrupt, "", "store it again")
	}
	must(t, s.Remove(t.Context(), prod))
}

// TestPassHangs has a pass that never ends, and one that would be heard.
func TestPassHangs(t *testing.T) {
	if !inHome(t, "pass") {
		return
	}
	bin := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(passDir(), service), 0o700))
	must(t, os.WriteFile(filepath.Join(passDir(), ".gpg-id"), nil, 0o600))
	must(t, os.WriteFile(filepath.Join(bin, "pass"), []byte("#!/bin/sh\necho "+item+" >&2\nexec sleep 2\n"), 0o700))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	s, other := newStore(t, Config{Backend: Pass, Timeout: 300 * time.Millisecond, NoPrompt: true})
	unlock, err := s.Lock(t.Context(), "prod")
	must(t, err)
	begin := time.Now()
	wantFault(t, s.Set(t.Context(), prod, []byte(item)), keystore.ErrUnavailable, "did not answer within 300ms", "FORCECRED_KEYRING_TIMEOUT")
	wantFault(t, other.Set(t.Context(), prod, []byte(item)), keystore.ErrUnavailable, "earlier call", "")
	wantFault(t, other.Set(t.Context(), keystore.Key{Kind: prod.Kind, Org: "dev"}, []byte(item)), keystore.ErrUnavailable, "earlier call", "")
	if took := time.Since(begin); took > 1800*time.Millisecond {
		t.Errorf("three writes took %v", took)
	}
	must(t, unlock())
	must(t, unlock())
	if _, err := other.Lock(contextFor(t, 100*time.Millisecond), "prod"); err == nil {
		t.Error("the lock was free while a write was under way")
	}
	unlock, err = other.Lock(contextFor(t, 10*time.Second), "prod")
	must(t, err)
	must(t, unlock())
}
