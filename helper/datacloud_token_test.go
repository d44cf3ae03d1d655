package helper

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"forcecred/internal/orgtest"
	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"
)

// newTenant is newFixture with Data Cloud, whose tokens are numbered and valid for two hours.
func newTenant(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.exchangeToken = func(string) (salesforce.Answer, error) { return tenantAnswer(len(f.exchangedTokens)), nil }
	return f
}

func tenantAnswer(n int) salesforce.Answer {
	return salesforce.Answer{
		Token: token.Token{
			AccessToken: secret.New(fmt.Sprintf("test-data-cloud-token-%d", n)), TokenType: "Bearer", InstanceURL: "https://tenant.c360a.salesforce.com",
		},
		ExpiresIn: 2 * time.Hour,
	}
}

// refuseToken refuses the access tokens that good does not accept.
func (f *fixture) refuseToken(good func(accessToken string) bool) {
	trade := f.exchangeToken
	f.exchangeToken = func(accessToken string) (salesforce.Answer, error) {
		if !good(accessToken) {
			return salesforce.Answer{}, &salesforce.Error{Reason: salesforce.TokenRefused, Status: 401, Err: errors.New("no"), Remedy: remedy.To("try_again")}
		}
		return trade(accessToken)
	}
}

func (f *fixture) dataCloud(t *testing.T, req protocol.GetRequest) protocol.Credential {
	t.Helper()
	req.Org, req.For = "prod", protocol.DataCloud
	c, err := f.Get(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDataCloudLifecycle(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), nil }
	for _, step := range []struct {
		name   string
		later  time.Duration
		req    protocol.GetRequest
		trades int
		posts  int
	}{
		{"nothing cached", 0, protocol.GetRequest{}, 1, 1},
		{"cached", 0, protocol.GetRequest{}, 1, 1},
		{"another one was rejected", 0, protocol.GetRequest{RejectedToken: secret.New("other")}, 1, 1},
		{"the org's own was rejected", 0, protocol.GetRequest{RejectedToken: secret.New("00Dxx!test-access-token-1")}, 1, 1},
		{"this one was rejected", 0, protocol.GetRequest{RejectedToken: secret.New("test-data-cloud-token-1")}, 2, 1},
		{"it was rejected twice", 0, protocol.GetRequest{RejectedToken: secret.New("test-data-cloud-token-1")}, 2, 1},
		{"forced", 0, protocol.GetRequest{Force: true}, 3, 1},
		{"near its end, but enough", 2*time.Hour - time.Minute, protocol.GetRequest{MinTTL: time.Minute}, 3, 1},
		// The org's own token expires soon too, and Data Cloud's would expire with it.
		{"near its end", time.Second, protocol.GetRequest{MinTTL: time.Minute}, 4, 2},
		{"more than it lives: half of it will do", time.Hour - time.Minute, protocol.GetRequest{MinTTL: 24 * time.Hour}, 4, 2},
		{"more than it lives: half is gone", 2 * time.Minute, protocol.GetRequest{MinTTL: 24 * time.Hour}, 5, 3},
		{"past its end", 3 * time.Hour, protocol.GetRequest{}, 6, 4},
	} {
		f.now = f.now.Add(step.later)
		c := f.dataCloud(t, step.req)
		if want := fmt.Sprintf("test-data-cloud-token-%d", step.trades); c.AccessToken.Reveal() != want || len(f.exchangedTokens) != step.trades || f.posts != step.posts {
			t.Errorf("%s: got token %s, %d exchanges and %d refreshes, want %d and %d", step.name, c.AccessToken.Reveal(), len(f.exchangedTokens), f.posts, step.trades, step.posts)
		}
		if want := fmt.Sprintf("test-access-token-%d", step.posts); f.exchangedTokens[len(f.exchangedTokens)-1] != want {
			t.Errorf("%s: %s was exchanged, want %s", step.name, f.exchangedTokens[len(f.exchangedTokens)-1], want)
		}
		if c.For != protocol.DataCloud || c.InstanceURL != "https://tenant.c360a.salesforce.com" || c.ExpiresSource != protocol.ExpiresAnswer || c.ID != "" {
			t.Errorf("%s: %+v", step.name, c)
		}
	}
}

// TestDataCloudTokenIsSeparate: neither token answers for the other API, and a rejection of
// one leaves the other.
func TestDataCloudTokenIsSeparate(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	tenants := f.dataCloud(t, protocol.GetRequest{})
	own, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"})
	if err != nil || own.AccessToken.Equal(tenants.AccessToken) || own.For != "" || own.InstanceURL != "https://acme.my.salesforce.com" {
		t.Fatalf("the org's own: %+v, %v", own, err)
	}
	// A caller that rejects the other API's token gets the cached token.
	for _, req := range []protocol.GetRequest{{Org: "prod", RejectedToken: tenants.AccessToken}, {Org: "prod", For: protocol.DataCloud, RejectedToken: own.AccessToken}} {
		if c, err := f.Get(t.Context(), req); err != nil || c.AccessToken.Equal(req.RejectedToken) {
			t.Errorf("%+v: %v", req, err)
		}
	}
	if f.posts != 1 || len(f.exchangedTokens) != 1 {
		t.Errorf("%d refreshes, %d exchanges", f.posts, len(f.exchangedTokens))
	}
	// Each token is erased by its own value alone.
	if err := f.Erase(t.Context(), protocol.EraseRequest{Org: "prod", RejectedToken: tenants.AccessToken}); err != nil {
		t.Fatal(err)
	}
	if !f.isAbsent(t.Context(), keystore.Key{Kind: keystore.KindDataCloud, Org: "prod"}) || f.isAbsent(t.Context(), keystore.Key{Kind: keystore.KindToken, Org: "prod"}) {
		t.Error("the rejected one is there, or the other is gone")
	}
	f.dataCloud(t, protocol.GetRequest{})
	if err := f.Erase(t.Context(), protocol.EraseRequest{Org: "prod", RejectedToken: own.AccessToken}); err != nil {
		t.Fatal(err)
	}
	if f.isAbsent(t.Context(), keystore.Key{Kind: keystore.KindDataCloud, Org: "prod"}) || !f.isAbsent(t.Context(), keystore.Key{Kind: keystore.KindToken, Org: "prod"}) {
		t.Error("the org's own is there, or Data Cloud's is gone")
	}
	// A token under the key of another API does not count.
	token, err := f.store.Get(t.Context(), keystore.Key{Kind: keystore.KindDataCloud, Org: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	f.put(t, keystore.Key{Kind: keystore.KindToken, Org: "prod"}, token)
	if c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil || c.For != "" || f.posts != 2 {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestDataCloudRefreshesOnce: if the exchange refuses the org's own token, the token is
// refreshed once, unless it is new.
func TestDataCloudRefreshesOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		cached bool
		good   func(accessToken string) bool
		posts  int
		trades int
		code   protocol.Code
	}{
		{"the cached one has ended", true, func(s string) bool { return s != "00Dxx!test-access-token-1" }, 2, 2, ""},
		{"no token is accepted", true, func(string) bool { return false }, 2, 2, protocol.Refused},
		{"nor one that was just refreshed", false, func(string) bool { return false }, 1, 1, protocol.Refused},
		{"all is well", false, func(string) bool { return true }, 1, 1, ""},
	} {
		f := newTenant(t)
		f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), nil }
		f.refuseToken(tt.good)
		if tt.cached {
			if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil {
				t.Fatal(err)
			}
		}
		_, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", For: protocol.DataCloud})
		if codeOf(err) != tt.code || f.posts != tt.posts || len(f.exchangedTokens) != tt.trades {
			t.Errorf("%s: %d refreshes, %d exchanges, %v", tt.name, f.posts, len(f.exchangedTokens), err)
		}
		if !f.grantOf(t, "prod").RefreshToken.Equal(secret.New(fmt.Sprintf("test-refresh-token-%d", f.posts))) {
			t.Errorf("%s: the stored refresh token is not the org's", tt.name)
		}
	}
}

// failureLog is a [Failures] of one org.
type failureLog struct{ code string }

func (l *failureLog) Record(_ keystore.Org, code string, _ time.Time) { l.code = code }
func (l *failureLog) Last(keystore.Org) (string, time.Time)           { return l.code, time.Time{} }
func (l *failureLog) Delete(keystore.Org)                             { l.code = "" }

// TestDataCloudFailures checks the codes, and which failures are recorded for the org.
func TestDataCloudFailures(t *testing.T) {
	t.Parallel()
	refusing := func(reason salesforce.Reason) func(*fixture) {
		return func(f *fixture) {
			f.exchangeToken = func(string) (salesforce.Answer, error) {
				return salesforce.Answer{}, &salesforce.Error{Reason: reason, Status: 400, Code: "e", Description: "d"}
			}
		}
	}
	for _, tt := range []struct {
		name      string
		setup     func(*fixture)
		code      protocol.Code
		retryable bool
		trades    int
		noted     protocol.Code
		cached    bool // the org's own token
	}{
		{"refused", refusing(salesforce.Refused), protocol.Refused, false, 1, "", true},
		{"a fault", refusing(salesforce.ServerFault), protocol.TemporarilyUnavailable, true, 1, "", true},
		{"no connection", refusing(salesforce.Unreachable), protocol.TemporarilyUnavailable, true, 1, "", true},
		{"a lost answer", refusing(salesforce.Lost), protocol.TemporarilyUnavailable, true, 1, "", true},
		{"a page", refusing(salesforce.Garbled), protocol.TemporarilyUnavailable, true, 1, "", true},
		{"the grant is dead", func(f *fixture) {
			f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
				return salesforce.Answer{}, &salesforce.Error{Reason: salesforce.GrantDead, Status: 400, Code: "e"}
			}
		}, protocol.SignInAgain, false, 0, protocol.SignInAgain, false},
		{"the keystore is locked", func(f *fixture) {
			f.store.Fault = func(op string, key keystore.Key) error {
				if key.Kind == keystore.KindDataCloud && op == "get" {
					return &keystore.Error{Op: op, Reason: keystore.ErrLocked}
				}
				return nil
			}
		}, protocol.KeystoreUnavailable, true, 0, "", false},
		{"no such org", func(f *fixture) {
			if err := f.Erase(context.Background(), protocol.EraseRequest{Org: "prod"}); err != nil {
				panic(err)
			}
		}, protocol.OrgNotFound, false, 0, "", false},
	} {
		f, log := newTenant(t), &failureLog{}
		f.config.Failures = log
		tt.setup(f)
		_, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", For: protocol.DataCloud})
		e, ok := errors.AsType[*protocol.Error](err)
		// One more try for each backoff: an exchange that rotates nothing is retried.
		if !ok || e.Code != tt.code || e.Retryable != tt.retryable || len(f.exchangedTokens) != tt.trades+len(f.waits) || log.code != string(tt.noted) {
			t.Errorf("%s: %v, retryable: %v, %d exchanges after %d pauses, noted %q", tt.name, err, e.Retryable, len(f.exchangedTokens), len(f.waits), log.code)
		}
		if f.isAbsent(t.Context(), keystore.Key{Kind: keystore.KindToken, Org: "prod"}) == tt.cached {
			t.Errorf("%s: the org's own token is cached: %v", tt.name, !tt.cached)
		}
	}
}

// lasting returns a JWT that is valid from one time to another.
func lasting(issued, expires time.Time) secret.Text {
	return jwt(fmt.Sprintf(`{"iat":%d,"exp":%d}`, issued.Unix(), expires.Unix()))
}

// TestDataCloudExpiry: the expiry comes from the most reliable source.
func TestDataCloudExpiry(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		answer func(a *salesforce.Answer)
		left   time.Duration
		source protocol.ExpiresSource
	}{
		{"expires_in", func(*salesforce.Answer) {}, 2 * time.Hour, protocol.ExpiresAnswer},
		{"expires_in before exp", func(a *salesforce.Answer) {
			a.AccessToken = lasting(start, start.Add(time.Hour))
		}, 2 * time.Hour, protocol.ExpiresAnswer},
		{"a JWT", func(a *salesforce.Answer) {
			a.ExpiresIn, a.AccessToken, a.Date = 0, lasting(start, start.Add(time.Hour)), start
		}, time.Hour - time.Second, protocol.ExpiresJWT},
		{"a JWT, by a clock that is an hour ahead", func(a *salesforce.Answer) {
			a.ExpiresIn, a.AccessToken, a.Date = 0, lasting(start.Add(time.Hour), start.Add(2*time.Hour)), start.Add(time.Hour)
		}, time.Hour - time.Second, protocol.ExpiresJWT},
		{"neither", func(a *salesforce.Answer) { a.ExpiresIn = 0 }, 15 * time.Minute, protocol.ExpiresAssumed},
		{"for years", func(a *salesforce.Answer) { a.ExpiresIn = 9000 * time.Hour }, 15 * time.Minute, protocol.ExpiresAssumed},
	} {
		f := newTenant(t)
		f.exchangeToken = func(string) (salesforce.Answer, error) {
			a := tenantAnswer(1)
			tt.answer(&a)
			return a, nil
		}
		c := f.dataCloud(t, protocol.GetRequest{})
		if left := c.ExpiresAt.Sub(start); left != tt.left || c.ExpiresSource != tt.source {
			t.Errorf("%s: %v by %s, want %v by %s", tt.name, left, c.ExpiresSource, tt.left, tt.source)
		}
	}
}

// TestDataCloudTokenIsDeletedWithTheGrant: whatever replaces or deletes a grant deletes its
// Data Cloud token first.
func TestDataCloudTokenIsDeletedWithTheGrant(t *testing.T) {
	t.Parallel()
	request := protocol.StoreRequest{Org: "prod", ClientID: "test-client-id", RefreshToken: secret.New("test-refresh-token-9")}
	for name, do := range map[string]func(f *fixture) error{
		"store":           func(f *fixture) error { return f.Store(t.Context(), request, false) },
		"store, verified": func(f *fixture) error { return f.Store(t.Context(), request, true) },
		"erase":           func(f *fixture) error { return f.Erase(t.Context(), protocol.EraseRequest{Org: "prod"}) },
		"logout":          func(f *fixture) error { return f.Logout(t.Context(), "prod", false) },
	} {
		f := newTenant(t)
		f.dataCloud(t, protocol.GetRequest{})
		var order []string
		f.store.Fault = func(op string, key keystore.Key) error {
			if op == "delete" && key.Kind != keystore.KindJournal || op == "set" && key.Kind == keystore.KindGrant {
				order = append(order, op+" "+string(key.Kind))
			}
			return nil
		}
		if err := do(f); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !f.isAbsent(t.Context(), keystore.Key{Kind: keystore.KindDataCloud, Org: "prod"}) {
			t.Errorf("%s: the token is there", name)
		}
		if !strings.HasPrefix(strings.Join(order, ", "), "delete datacloud, delete token, ") {
			t.Errorf("%s: %v", name, order)
		}
	}
}

// TestLogoutRevokesDataCloud: Logout revokes a valid token at the tenant. It is best effort.
func TestLogoutRevokesDataCloud(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	token := f.dataCloud(t, protocol.GetRequest{})
	if err := f.Logout(t.Context(), "prod", false); err != nil {
		t.Fatal(err)
	}
	if len(f.revoked) != 2 || f.revoked[0] != token.InstanceURL+" "+token.AccessToken.Reveal() || f.revoked[1] != "test-refresh-token-0" {
		t.Errorf("revoked: %d", len(f.revoked))
	}

	f = newTenant(t)
	f.dataCloud(t, protocol.GetRequest{})
	f.now = f.now.Add(3 * time.Hour)
	if err := f.Logout(t.Context(), "prod", false); err != nil || len(f.revoked) != 1 {
		t.Errorf("of a token that has ended: %v, %d revoked", err, len(f.revoked))
	}

	f = newTenant(t)
	f.dataCloud(t, protocol.GetRequest{})
	f.revoke = &salesforce.Error{Reason: salesforce.Unreachable, Err: errors.New("no connection")}
	if err := f.Logout(t.Context(), "prod", true); err != nil || len(f.warnings) != 2 || !strings.Contains(f.warnings[0], `revoke the Data Cloud token of "prod": no connection; it expires at 2026-11-24T12:00:00Z`) {
		t.Errorf("%v, %q", err, f.warnings)
	}
}

// TestDataCloudTokenIsReturnedIfTheCacheFails: the next caller exchanges again.
func TestDataCloudTokenIsReturnedIfTheCacheFails(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.failing("set", keystore.KindDataCloud, 1, -1)
	if c := f.dataCloud(t, protocol.GetRequest{}); c.AccessToken.Reveal() != "test-data-cloud-token-1" || len(f.warnings) != 1 {
		t.Errorf("%+v, %q", c, f.warnings)
	}
	if c := f.dataCloud(t, protocol.GetRequest{}); c.AccessToken.Reveal() != "test-data-cloud-token-2" || f.posts != 1 {
		t.Errorf("%+v, %d refreshes", c, f.posts)
	}
}

// TestDataCloudLeavesTimeForTheExchange: after a slow refresh, no exchange begins.
func TestDataCloudLeavesTimeForTheExchange(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
		f.now = f.now.Add(20 * time.Second)
		return rotated(f.posts), nil
	}
	_, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", For: protocol.DataCloud})
	if e, ok := errors.AsType[*protocol.Error](err); !ok || e.Code != protocol.TemporarilyUnavailable || !e.Retryable || len(f.exchangedTokens) != 0 {
		t.Errorf("%v, %d exchanges", err, len(f.exchangedTokens))
	}
	if c := f.dataCloud(t, protocol.GetRequest{}); f.posts != 1 || c.AccessToken.Empty() {
		t.Errorf("the next one: %d refreshes", f.posts)
	}
}

// TestDataCloudInMemory: the memory cache has a token for each API of an org.
func TestDataCloudInMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, store := newMemoryCacheFixture(t)
		f.exchangeToken = func(string) (salesforce.Answer, error) { return tenantAnswer(len(f.exchangedTokens)), nil }
		tenants := mustGet(t, f, protocol.GetRequest{For: protocol.DataCloud})
		own := mustGet(t, f, protocol.GetRequest{})
		before := store.reads
		if mustGet(t, f, protocol.GetRequest{For: protocol.DataCloud}) != tenants || mustGet(t, f, protocol.GetRequest{}) != own || own == tenants || store.reads != before {
			t.Errorf("%d reads, tokens %s and %s", store.reads-before, own, tenants)
		}
		if again := mustGet(t, f, protocol.GetRequest{For: protocol.DataCloud, Force: true}); again == tenants || mustGet(t, f, protocol.GetRequest{}) != own {
			t.Error("a forced exchange answers with what was remembered, or drops the org's own")
		}
		if err := f.Erase(t.Context(), protocol.EraseRequest{Org: "prod"}); err != nil {
			t.Fatal(err)
		}
		for _, api := range []string{"", protocol.DataCloud} {
			if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", For: api}); codeOf(err) != protocol.OrgNotFound {
				t.Errorf("for %q, after erase: %v", api, err)
			}
		}
	})
}

// TestDataCloudOnline uses the real client and the stand-in org, whose sessions end between
// two exchanges.
func TestDataCloudOnline(t *testing.T) {
	t.Parallel()
	f, org, _ := newOnline(t, orgtest.Config{Rotate: true, DataCloud: true, Scope: "api refresh_token cdp_query_api"})
	f.now = time.Now()
	first := f.dataCloud(t, protocol.GetRequest{})
	if first.AccessToken.Reveal() != org.DataCloudToken() || "https://"+strings.TrimPrefix(org.URL, "https://") != first.InstanceURL {
		t.Errorf("%+v", first)
	}
	org.ExpireSessions()
	second := f.dataCloud(t, protocol.GetRequest{RejectedToken: first.AccessToken})
	if second.AccessToken.Equal(first.AccessToken) || org.Count(orgtest.DataCloud) != 3 || org.Count(orgtest.Token) != 2 || !org.Alive() {
		t.Errorf("%d exchanges, %d refreshes", org.Count(orgtest.DataCloud), org.Count(orgtest.Token))
	}
	if err := f.Logout(t.Context(), "prod", false); err != nil || org.DataCloudTakes(second.AccessToken.Reveal()) || !org.DataCloudTakes(first.AccessToken.Reveal()) || org.Alive() {
		t.Errorf("after logout: %v", err)
	}
}
