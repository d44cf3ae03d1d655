package keyring

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"forcecred/keystore"
)

func TestProcesses(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if os.Getenv(processPrefix) == "" {
		if !onBus(t) {
			return
		}
		startKeyring(t)
	}
	testProcesses(t, SecretService, func(t *testing.T) (*Store, *Store) { return newStore(t, Config{Backend: SecretService}) })
}

func TestProcessesKeyCtl(t *testing.T) {
	needKeyCtl(t)
	testProcesses(t, KeyCtl, newKeyCtl)
}

// TestCrowd has 200 orgs beside 200 items of other programs, and a large one.
func TestCrowd(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	startKeyring(t)
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
