package helper

import (
	"strings"
	"testing"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// loseLock makes the store say from now on that its locks are lost.
func (f *fixture) loseLock() {
	f.store.Fault = func(op string, _ keystore.Key) error {
		if op == "check" {
			return keystore.ErrLockLost
		}
		return nil
	}
}

// spends are the requests that send a refresh token.
var spends = map[string]func(*testing.T, *fixture) error{
	"get": func(t *testing.T, f *fixture) error {
		_, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true})
		return err
	},
	"set": func(t *testing.T, f *fixture) error {
		timeout := time.Hour
		return f.Set(t.Context(), protocol.SetRequest{Org: "prod", SessionTimeout: &timeout})
	},
	"store --verify": func(t *testing.T, f *fixture) error {
		return f.Store(t.Context(), protocol.StoreRequest{
			Org: "prod", LoginURL: salesforce.DefaultLoginURL, ClientID: "test-client-id", RefreshToken: secret.New("test-refresh-token-0"),
		}, true)
	},
}

// spendFixture is a fixture whose org rotates, with a grant that a person stored.
func spendFixture(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), nil }
	g := f.grantOf(t, "prod")
	g.StoredAt = start
	f.storeGrant(t, g)
	return f
}

// TestLockLostBeforeRequest: a process that has lost its lock sends no refresh token, because
// another one may be sending it.
func TestLockLostBeforeRequest(t *testing.T) {
	t.Parallel()
	for name, spend := range spends {
		f := spendFixture(t)
		f.loseLock()
		err := spend(t, f)
		if codeOf(err) != protocol.TemporarilyUnavailable || !strings.Contains(err.Error(), "the lock was lost; no refresh token was sent") || f.posts != 0 {
			t.Errorf("%s: %d posts, %v", name, f.posts, err)
		}
		f.store.Fault = nil
		f.wantClean(t)
		if f.grantOf(t, "prod").RefreshToken.Reveal() != "test-refresh-token-0" {
			t.Errorf("%s: the grant has changed", name)
		}
	}
}

// TestLockLostBeforeRetry: a request that Salesforce did not process is not sent again without
// the lock.
func TestLockLostBeforeRetry(t *testing.T) {
	t.Parallel()
	f := spendFixture(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
		f.loseLock()
		return salesforce.Answer{}, &salesforce.Error{Reason: salesforce.Unreachable}
	}
	if err := spends["get"](t, f); codeOf(err) != protocol.TemporarilyUnavailable || f.posts != 1 {
		t.Errorf("%d posts, %v", f.posts, err)
	}
	f.store.Fault = nil
	f.wantClean(t)
}

// TestLockLostAfterRequest: whoever loses the lock while a refresh token is on its way saves the
// next one, unless another process has changed the grant meanwhile: that one stays.
func TestLockLostAfterRequest(t *testing.T) {
	t.Parallel()
	for name, spend := range spends {
		for _, isChanged := range []bool{false, true} {
			if isChanged && name == "store --verify" {
				continue // it replaces the grant, whatever that is
			}
			f := spendFixture(t)
			f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
				if isChanged {
					other := f.grantOf(t, "prod")
					other.RefreshToken = secret.New("test-refresh-token-of-another-login")
					f.storeGrant(t, other)
				}
				f.loseLock()
				return rotated(1), nil
			}
			err := spend(t, f)
			f.store.Fault = nil
			want := "test-refresh-token-1"
			if isChanged {
				want = "test-refresh-token-of-another-login"
			}
			if got := f.grantOf(t, "prod").RefreshToken.Reveal(); got != want {
				t.Errorf("%s, changed %v: the keystore has %s, want %s", name, isChanged, got, want)
			}
			if err != nil && strings.Contains(err.Error(), "journal") {
				t.Errorf("%s: a token that nobody will use is promised: %v", name, err)
			}
			if isSaid := err != nil || len(f.warnings) > 0; isSaid != isChanged {
				t.Errorf("%s, changed %v: %v, warnings %q", name, isChanged, err, f.warnings)
			}
			if isChanged && !f.isAbsent(t.Context(), keystore.Key{Kind: keystore.KindToken, Org: "prod"}) {
				t.Errorf("%s: a token of the login before is cached", name)
			}
			f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(2), nil }
			if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true}); err != nil {
				t.Errorf("%s, changed %v: the next refresh: %v", name, isChanged, err)
			}
			f.wantClean(t)
		}
	}
}
