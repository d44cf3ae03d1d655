package osring

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/storetest"

	"github.com/99designs/keyring"
)

// startKeyring starts gnome-keyring with the collection "login", unlocked, in
// place of one that may be there, and returns once it answers.
func startKeyring(t *testing.T) *exec.Cmd {
	t.Helper()
	// One that the bus has started would not give up its name in time.
	if pid, ok := ownerOf(t, secretsName); ok {
		kill(t, pid)
	}
	cmd := start(t, strings.NewReader("test-password"), "gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets")
	waitForOwner(t, secretsName, cmd.Process.Pid)
	s, _ := newStore(t, Config{Backend: SecretService})
	for range 400 {
		if locked, err := s.askLocked(t.Context()); err == nil && !locked {
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
	t.Run("reading at a glance", func(t *testing.T) {
		s, other := newStore(t, Config{Backend: SecretService})
		other.open = func() (keyring.Keyring, error) { return nil, errors.New("the library is opened to read") }
		must(t, s.Set(t.Context(), prod, []byte(item)))
		wantItem(t, other, prod, item)
	})
}
