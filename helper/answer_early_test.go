package helper

import (
	"errors"
	"slices"
	"testing"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
)

// hangingFixture is a fixture whose keystore hangs when the grant or a token is written, until
// the caller has the answer. A keystore that fails first says so.
func hangingFixture(t *testing.T, kind keystore.Kind) (f *fixture, early chan protocol.Credential) {
	f, early = newFixture(t), make(chan protocol.Credential, 1)
	answered := make(chan struct{})
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(1), nil }
	f.earlyAfter = time.Millisecond
	f.config.Early = func(c protocol.Credential) {
		early <- c // a second answer would block here
		close(answered)
	}
	f.store.Fault = func(op string, key keystore.Key) error {
		if op != "set" || key.Kind != kind {
			return nil
		}
		if kind == keystore.KindGrant && f.journal.entry == nil {
			t.Error("the keystore is asked before the new refresh token is in the journal")
		}
		select {
		case <-answered:
		case <-time.After(30 * time.Second):
			t.Error("the caller waits for the keystore")
		}
		return nil
	}
	return f, early
}

// TestAnswerEarly: a caller has its answer while a keyring hangs, and then the keyring has
// everything.
func TestAnswerEarly(t *testing.T) {
	t.Parallel()
	for _, kind := range []keystore.Kind{keystore.KindGrant, keystore.KindToken} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			f, early := hangingFixture(t, kind)
			c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"})
			if err != nil {
				t.Fatal(err)
			}
			got := <-early
			if tokenOf(got) != tokenOf(c) || got.ExpiresAt != c.ExpiresAt || got.Org != c.Org {
				t.Error("the early answer is not the answer")
			}
			f.store.Fault = nil
			if f.grantOf(t, "prod").RefreshToken.Reveal() != "test-refresh-token-1" {
				t.Error("the new refresh token is not in the keystore")
			}
			f.wantClean(t)
		})
	}
}

// TestAnswerEarlyIsTheRequestedToken: a request for Data Cloud gets no token of the org itself.
func TestAnswerEarlyIsTheRequestedToken(t *testing.T) {
	t.Parallel()
	f, early := hangingFixture(t, keystore.KindDataCloud)
	f.exchangeToken = func(string) (salesforce.Answer, error) { return tenantAnswer(1), nil }
	c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", For: "data-cloud"})
	if err != nil {
		t.Fatal(err)
	}
	if got := <-early; tokenOf(got) != tokenOf(c) || got.For != "data-cloud" {
		t.Error("the early answer is not the answer")
	}
}

// TestNoEarlyAnswer: nobody gets an answer before its refresh token is durable, or twice.
func TestNoEarlyAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(1), nil }
	f.config.Early = func(protocol.Credential) { t.Error("the keystore has not taken the token yet, or has everything") }
	f.earlyAfter = time.Nanosecond
	f.failing("set", keystore.KindGrant, 1, -1)
	f.journal.writeErr = errors.New("no space left on device")
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err == nil {
		t.Error("a lost login is answered with a token")
	}
	f = newFixture(t)
	f.config.Early = func(protocol.Credential) { t.Error("a fast keystore is answered early") }
	f.earlyAfter = time.Hour
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil {
		t.Error(err)
	}
}

// TestSetSealsFirst: set with a keyring makes the new refresh token durable before the keyring
// is asked, which may hang.
func TestSetSealsFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(1), nil }
	g := f.grantOf(t, "prod")
	g.StoredAt = start
	f.storeGrant(t, g)
	var sealed []bool
	f.store.Fault = func(op string, key keystore.Key) error {
		if op == "set" && key.Kind == keystore.KindGrant {
			sealed = append(sealed, f.journal.entry != nil)
		}
		return nil
	}
	timeout := time.Hour
	if err := f.Set(t.Context(), protocol.SetRequest{Org: "prod", SessionTimeout: &timeout}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sealed, []bool{true}) {
		t.Errorf("the new refresh token was in the journal at the writes of the grant: %v, want one, true", sealed)
	}
	f.store.Fault = nil
	if g := f.grantOf(t, "prod"); g.RefreshToken.Reveal() != "test-refresh-token-1" || g.SessionTimeout != 3600 {
		t.Error("the keystore does not have the new grant")
	}
	f.wantClean(t)
}
