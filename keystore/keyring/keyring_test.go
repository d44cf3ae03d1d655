package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"forcecred/internal/hints"
	"forcecred/keystore"
)

// innerTestVariable has the name of the test that this process runs alone.
const innerTestVariable = "FORCECRED_TEST_INSIDE"

func TestMain(m *testing.M) {
	os.Stdout = os.Stderr // as main does, before a store is opened
	os.Exit(m.Run())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var (
	prod      = keystore.Key{Kind: keystore.KindGrant, Org: "prod"}
	prodToken = keystore.Key{Kind: keystore.KindToken, Org: "prod"}
)

const item = "test-refresh-token-1"

// wantError fails unless err has that reason, its text contains text, its hint contains
// hint, and neither contains a secret.
func wantError(t *testing.T, err error, reason error, text string, hint string) {
	t.Helper()
	fault, ok := errors.AsType[*keystore.Error](err)
	if !ok {
		t.Fatalf("got %v, want a *keystore.Error", err)
	}
	if !errors.Is(err, reason) || !strings.Contains(err.Error(), text) || !strings.Contains(hints.Text(fault.Remedy), hint) {
		t.Errorf("got %v (%v; hint: %s)\nwant %q (%v; hint: %q)", err, fault.Reason, hints.Text(fault.Remedy), text, reason, hint)
	}
	if strings.Contains(err.Error()+hints.Text(fault.Remedy), item) {
		t.Error("the error or its hint holds a secret")
	}
}

func wantItem(t *testing.T, s *Store, key keystore.Key, want string) {
	t.Helper()
	got, err := s.Get(t.Context(), key)
	if err != nil || string(got) != want {
		t.Errorf("get %s: an item of %d bytes and error %v, want the one that was set", key, len(got), err)
	}
}

// newStore returns an empty store of its own in the backend's one keyring, and
// another handle onto it.
func newStore(t *testing.T, config Config) (first, second *Store) {
	t.Helper()
	if config.LockDir == "" {
		config.LockDir = t.TempDir()
	}
	if config.Timeout == 0 {
		config.Timeout = 20 * time.Second // for a machine under load
	}
	first, second = New(config), New(config)
	first.prefix = namePrefix + "test-" + rand.Text()[:10] + ":"
	second.prefix = first.prefix
	return first, second
}

// inSession runs use in a session, as a call of the store does.
func inSession(t *testing.T, s *Store, use func(*session) error) {
	t.Helper()
	must(t, s.call(context.WithoutCancel(t.Context()), noRelease, func(session *session) error { // a cleanup calls it too
		if err := session.begin(); err != nil {
			return err
		}
		return use(session)
	}))
}

func namesOf(t *testing.T, s *Store) (names []string) {
	t.Helper()
	inSession(t, s, func(session *session) (err error) {
		names, err = session.list()
		return err
	})
	return names
}
