package overlay

import (
	"errors"
	"slices"
	"testing"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/storetest"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"
)

// TestConformance: with an empty second store, the overlay behaves as the first store.
func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) (first, second keystore.Store) {
		one, two := storetest.NewMemory(), storetest.NewMemory()
		return &Store{First: one, Second: two}, &Store{First: one, Second: two}
	})
}

func grant(org keystore.Org, token string) keystore.Grant {
	return keystore.Grant{Org: org, RefreshToken: secret.New(token)}
}

func save(t *testing.T, s keystore.Store, g keystore.Grant) {
	t.Helper()
	if err := keystore.SaveGrant(t.Context(), s, g); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, s keystore.Store, org keystore.Org, token string) {
	t.Helper()
	if g, err := keystore.LoadGrant(t.Context(), s, org); err != nil || g.RefreshToken.Reveal() != token {
		t.Errorf("%s: another grant, or %v", org, err)
	}
}

func TestOwner(t *testing.T) {
	t.Parallel()
	first, second := storetest.NewMemory(), storetest.NewMemory()
	s := &Store{First: first, Second: second}
	save(t, first, grant("prod", "test-refresh-token-first"))
	save(t, second, grant("prod", "test-refresh-token-hidden"))
	save(t, second, grant("dev", "test-refresh-token-second"))
	want(t, s, "prod", "test-refresh-token-first")
	want(t, s, "dev", "test-refresh-token-second")
	if s.IsSecond("prod") || !s.IsSecond("dev") {
		t.Error("the overlay does not remember which store has an org")
	}
	keys, err := s.List(t.Context(), keystore.KindGrant)
	slices.SortFunc(keys, func(a, b keystore.Key) int { return len(a.Org) - len(b.Org) })
	if err != nil || !slices.Equal(keys, []keystore.Key{grantKey("dev"), grantKey("prod")}) {
		t.Errorf("keys: %v, %v", keys, err)
	}

	// A refresh writes to the store that has the org.
	lock, err := s.Lock(t.Context(), "dev")
	if err != nil {
		t.Fatal(err)
	}
	save(t, s, grant("dev", "test-refresh-token-next"))
	if err := keystore.SaveToken(t.Context(), s, keystore.Token{Org: "dev", Token: token.Token{AccessToken: secret.New("test-access-token-1")}}); err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
	want(t, second, "dev", "test-refresh-token-next")
	if _, err := keystore.LoadToken(t.Context(), second, "dev"); err != nil {
		t.Error(err)
	}
	if token, err := keystore.LoadToken(t.Context(), s, "dev"); err != nil || token.AccessToken.Reveal() != "test-access-token-1" {
		t.Errorf("the cached token: %v", err)
	}

	// A person's new grant goes to the first, which has the org from then on.
	stored := grant("dev", "test-refresh-token-stored")
	stored.StoredAt = time.Now()
	save(t, s, stored)
	want(t, first, "dev", "test-refresh-token-stored")
	want(t, second, "dev", "test-refresh-token-next")
	want(t, s, "dev", "test-refresh-token-stored")
}

// TestFirstFails: if the first fails, the second is not asked.
func TestFirstFails(t *testing.T) {
	t.Parallel()
	first, second := storetest.NewMemory(), storetest.NewMemory()
	s := &Store{First: first, Second: second}
	save(t, second, grant("prod", "test-refresh-token-second"))
	first.Fault = func(string, keystore.Key) error { return &keystore.Error{Reason: keystore.ErrUnavailable} }
	if _, err := keystore.LoadGrant(t.Context(), s, "prod"); !errors.Is(err, keystore.ErrUnavailable) {
		t.Errorf("get: %v", err)
	}
	if _, err := s.Lock(t.Context(), "prod"); !errors.Is(err, keystore.ErrUnavailable) {
		t.Errorf("lock: %v", err)
	}
	if _, err := s.List(t.Context(), keystore.KindGrant); !errors.Is(err, keystore.ErrUnavailable) {
		t.Errorf("keys: %v", err)
	}
	first.Fault = nil
	second.Fault = func(string, keystore.Key) error { return &keystore.Error{Reason: keystore.ErrLocked} }
	if _, err := keystore.LoadGrant(t.Context(), s, "prod"); !errors.Is(err, keystore.ErrLocked) {
		t.Errorf("the second's failure looks like a missing org: %v", err)
	}
}
