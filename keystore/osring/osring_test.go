package osring

import (
	"errors"
	"os"
	"strings"
	"testing"

	"forcecred/keystore"
)

// insideOf names the test that this process is the inner one of.
const insideOf = "FORCECRED_TEST_INSIDE"

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

// wantFault fails unless err has that reason, and its text and hint hold those
// words and no secret.
func wantFault(t *testing.T, err error, reason error, words string, hint string) {
	t.Helper()
	fault, ok := errors.AsType[*keystore.Error](err)
	if !ok {
		t.Fatalf("got %v, want a *keystore.Error", err)
	}
	if !errors.Is(err, reason) || !strings.Contains(err.Error(), words) || !strings.Contains(fault.Hint, hint) {
		t.Errorf("got %v (%v; hint: %s)\nwant %q (%v; hint: %q)", err, fault.Reason, fault.Hint, words, reason, hint)
	}
	if strings.Contains(err.Error()+fault.Hint, item) {
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
