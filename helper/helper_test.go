package helper

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/keystore/storetest"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"

	"github.com/google/go-cmp/cmp"
)

var start = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// fixture is a Helper with a store in memory, and with an org that answers as the fields say.
type fixture struct {
	*Helper
	now              time.Time
	store            *storetest.Memory
	refresh          func(salesforce.RefreshGrant) (salesforce.Answer, error)
	mint             func(salesforce.Grant) (salesforce.Answer, error) // of the other grant types
	introspect       func() (salesforce.Introspection, error)
	posts            int
	introspections   int
	exchange         func(salesforce.Authorization, secret.Text) (salesforce.Answer, error)
	username         string
	revoked          []string
	revoke           error
	warnings         []string
	waits            []time.Duration
	isHoldingSignals bool
	journal          journalInMemory

	exchangeToken   func(accessToken string) (salesforce.Answer, error) // for a token of Data Cloud
	exchangedTokens []string                                            // the access tokens that were exchanged
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{now: start, store: storetest.NewMemory()}
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return answer(f.posts), nil }
	f.mint = func(salesforce.Grant) (salesforce.Answer, error) { return answer(f.posts), nil }
	f.introspect = func() (salesforce.Introspection, error) {
		return salesforce.Introspection{Active: true, IssuedAt: f.now, ExpiresAt: f.now.Add(2 * time.Hour)}, nil
	}
	f.Helper = New(Config{
		Keystore: f.store,
		Journal:  &f.journal,
		Connect:  func() (*Client, error) { return ClientOf(f), nil },
		HoldSignals: func() func() {
			f.isHoldingSignals = true
			return func() { f.isHoldingSignals = false }
		},
		Warn: func(m string, _ remedy.Remedy) { f.warnings = append(f.warnings, m) },
	})
	f.clock = func() time.Time { return f.now }
	f.sleep = func(_ context.Context, d time.Duration) error {
		if f.isHoldingSignals {
			return errors.New("signals are held while nothing is in flight")
		}
		f.now = f.now.Add(d)
		f.waits = append(f.waits, d)
		return nil
	}
	f.storeGrant(t, keystore.Grant{
		Org: "prod", LoginURL: salesforce.DefaultLoginURL, ClientID: "test-client-id",
		ClientSecret: secret.New("test-client-secret"), RefreshToken: secret.New("test-refresh-token-0"),
	})
	return f
}

func (f *fixture) storeGrant(t *testing.T, g keystore.Grant) {
	t.Helper()
	if err := keystore.SaveGrant(t.Context(), f.store, g); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) put(t *testing.T, key keystore.Key, item []byte) {
	t.Helper()
	if err := f.store.Set(t.Context(), key, item); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) grantOf(t *testing.T, org keystore.Org) keystore.Grant {
	t.Helper()
	g, err := keystore.LoadGrant(t.Context(), f.store, org)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (f *fixture) Exchange(ctx context.Context, g salesforce.Grant) (salesforce.Answer, error) {
	f.posts++
	if !f.isHoldingSignals || ctx.Err() != nil {
		return salesforce.Answer{}, errors.New("a token is spent while signals or callers may interrupt")
	}
	if refresh, ok := g.(salesforce.RefreshGrant); ok {
		return f.refresh(refresh)
	}
	return f.mint(g)
}

func (f *fixture) Introspect(context.Context, salesforce.Host, string, secret.Text, secret.Text) (salesforce.Introspection, error) {
	f.introspections++
	return f.introspect()
}

func (f *fixture) ExchangeCode(ctx context.Context, a salesforce.Authorization, _, code secret.Text) (salesforce.Answer, error) {
	if !f.isHoldingSignals || ctx.Err() != nil {
		return salesforce.Answer{}, errors.New("a code is spent while signals or callers may interrupt")
	}
	return f.exchange(a, code)
}

func (f *fixture) Username(context.Context, salesforce.Host, secret.Text) (string, error) {
	if f.username == "" {
		return "", errors.New("not to be had")
	}
	return f.username, nil
}

func (f *fixture) Revoke(_ context.Context, _ salesforce.Host, token secret.Text) error {
	if f.revoke == nil {
		f.revoked = append(f.revoked, token.Reveal())
	}
	return f.revoke
}

func (f *fixture) ExchangeDataCloud(_ context.Context, _ salesforce.Host, _ string, accessToken secret.Text) (salesforce.Answer, error) {
	f.exchangedTokens = append(f.exchangedTokens, strings.TrimPrefix(accessToken.Reveal(), "00Dxx!"))
	return f.exchangeToken(accessToken.Reveal())
}

func (f *fixture) RevokeDataCloud(_ context.Context, _ salesforce.Host, instanceURL string, token secret.Text) error {
	if f.revoke == nil {
		f.revoked = append(f.revoked, instanceURL+" "+token.Reveal())
	}
	return f.revoke
}

func (f *fixture) UserInfo(context.Context, salesforce.Host, secret.Text) (bool, error) {
	return false, errors.New("not asked for in this test")
}

func answer(n int) salesforce.Answer {
	return salesforce.Answer{
		Token: token.Token{
			AccessToken: secret.New(fmt.Sprintf("00Dxx!test-access-token-%d", n)), TokenType: "Bearer", InstanceURL: "https://acme.my.salesforce.com",
			ID: "https://login.salesforce.com/id/00D000000000001AAA/005000000000001AAA", IssuedAt: "1708058728442",
		},
	}
}

func rotated(n int) salesforce.Answer {
	a := answer(n)
	a.RefreshToken = secret.New(fmt.Sprintf("test-refresh-token-%d", n))
	return a
}

func tokenOf(c protocol.Credential) string {
	return strings.TrimPrefix(c.AccessToken.Reveal(), "00Dxx!")
}

func codeOf(err error) protocol.Code {
	e := (*protocol.Error)(nil)
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

func TestTokenLifecycle(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), nil }
	get := func(req protocol.GetRequest) string {
		t.Helper()
		req.Org = "prod"
		c, err := f.Get(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if !f.grantOf(t, "prod").RefreshToken.Equal(secret.New(fmt.Sprintf("test-refresh-token-%d", f.posts))) {
			t.Error("the stored refresh token is not the org's")
		}
		return tokenOf(c)
	}
	for _, step := range []struct {
		name  string
		later time.Duration
		req   protocol.GetRequest
		want  string
	}{
		{"nothing cached", 0, protocol.GetRequest{}, "test-access-token-1"},
		{"cached", 0, protocol.GetRequest{}, "test-access-token-1"},
		{"another one was rejected", 0, protocol.GetRequest{RejectedToken: secret.New("00Dxx!other")}, "test-access-token-1"},
		{"this one was rejected", 0, protocol.GetRequest{RejectedToken: secret.New("00Dxx!test-access-token-1")}, "test-access-token-2"},
		{"it was rejected twice", 0, protocol.GetRequest{RejectedToken: secret.New("00Dxx!test-access-token-1")}, "test-access-token-2"},
		{"forced", 0, protocol.GetRequest{Force: true}, "test-access-token-3"},
		{"near its end, but enough", 2*time.Hour - time.Minute, protocol.GetRequest{MinTTL: time.Minute}, "test-access-token-3"},
		{"near its end", time.Second, protocol.GetRequest{MinTTL: time.Minute}, "test-access-token-4"},
		{"more than a session: half of it will do", 59 * time.Minute, protocol.GetRequest{MinTTL: 24 * time.Hour}, "test-access-token-4"},
		{"more than a session: half is gone", 2 * time.Minute, protocol.GetRequest{MinTTL: 24 * time.Hour}, "test-access-token-5"},
		{"more than a session: no second refresh", 0, protocol.GetRequest{MinTTL: 24 * time.Hour}, "test-access-token-5"},
	} {
		f.now = f.now.Add(step.later)
		if got := get(step.req); got != step.want {
			t.Errorf("%s: got %s, want %s", step.name, got, step.want)
		}
	}
	if f.introspections != 1 {
		t.Errorf("introspected %d times, want once a day", f.introspections)
	}
}

// TestMinTTLOfAWholeSession: a caller whose min_ttl is a whole session does not cause a
// refresh with each call.
func TestMinTTLOfAWholeSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.storeGrant(t, keystore.Grant{
		Org: "prod", LoginURL: salesforce.DefaultLoginURL, ClientID: "test-client-id", RefreshToken: secret.New("test-refresh-token-0"),
		SessionTimeout: keystore.Seconds(2 * time.Hour / time.Second),
	})
	for _, step := range []struct {
		later time.Duration
		posts int
	}{
		{0, 1}, {time.Second, 1}, {58 * time.Minute, 1}, {2 * time.Minute, 2}, {time.Second, 2},
	} {
		f.now = f.now.Add(step.later)
		if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", MinTTL: 2 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		if f.posts != step.posts {
			t.Errorf("%v later: %d refreshes, want %d", step.later, f.posts, step.posts)
		}
	}
}

func TestGetFailures(t *testing.T) {
	t.Parallel()
	refuse := func(reason salesforce.Reason) func(*fixture) {
		return func(f *fixture) {
			f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
				return salesforce.Answer{}, &salesforce.Error{Reason: reason, Status: 400, Code: "e", Description: "d"}
			}
		}
	}
	storeFault := func(op string, kind keystore.Kind, reason error) func(*fixture) {
		return func(f *fixture) {
			f.store.Fault = func(o string, key keystore.Key) error {
				if o == op && (key.Kind == kind || kind == "") {
					return &keystore.Error{Op: o, Reason: reason, Remedy: remedy.To("try_again")}
				}
				return nil
			}
		}
	}
	for _, tt := range []struct {
		name      string
		org       string
		setup     func(*fixture)
		code      protocol.Code
		retryable bool
	}{
		{"unknown org", "nosuch", nil, protocol.OrgNotFound, false},
		{"no name", "", nil, protocol.BadRequest, false},
		{"name that leaves the folder", "../x", nil, protocol.BadRequest, false},
		{"dead grant", "prod", refuse(salesforce.GrantDead), protocol.SignInAgain, false},
		{"refused", "prod", refuse(salesforce.Refused), protocol.Refused, false},
		{"network", "prod", refuse(salesforce.Unreachable), protocol.TemporarilyUnavailable, true},
		{"proxy", "prod", refuse(salesforce.Blocked), protocol.TemporarilyUnavailable, false},
		{"certificate", "prod", refuse(salesforce.Untrusted), protocol.TemporarilyUnavailable, false},
		{"lost answer", "prod", refuse(salesforce.Lost), protocol.TemporarilyUnavailable, true},
		{"busy", "prod", refuse(salesforce.Busy), protocol.TemporarilyUnavailable, true},
		{"garbled", "prod", refuse(salesforce.Garbled), protocol.TemporarilyUnavailable, true},
		{"throttled", "prod", refuse(salesforce.Throttled), protocol.TemporarilyUnavailable, true},
		{"server's fault", "prod", refuse(salesforce.ServerFault), protocol.TemporarilyUnavailable, true},
		{"locked keystore", "prod", storeFault("get", "", keystore.ErrLocked), protocol.KeystoreUnavailable, true},
		{"keystore away", "prod", storeFault("get", "", keystore.ErrUnavailable), protocol.KeystoreUnavailable, true},
		{"corrupt grant", "prod", storeFault("get", keystore.KindGrant, keystore.ErrCorrupt), protocol.KeystoreUnavailable, false},
		{"no lock", "prod", storeFault("lock", "", keystore.ErrUnavailable), protocol.KeystoreUnavailable, true},
		{"slow keystore", "prod", storeFault("get", "", context.DeadlineExceeded), protocol.KeystoreUnavailable, true},
		{"lock held for too long", "prod", storeFault("lock", "", context.DeadlineExceeded), protocol.TemporarilyUnavailable, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			before := f.grantOf(t, "prod")
			if tt.setup != nil {
				tt.setup(f)
			}
			_, err := f.Get(t.Context(), protocol.GetRequest{Org: tt.org})
			e := (*protocol.Error)(nil)
			if !errors.As(err, &e) || e.Code != tt.code || e.Retryable != tt.retryable {
				t.Fatalf("got %v (%s), want %s", err, codeOf(err), tt.code)
			}
			f.store.Fault = nil
			if diff := cmp.Diff(before, f.grantOf(t, "prod")); diff != "" {
				t.Errorf("the failure changed the grant:\n%s", diff)
			}
			if f.isHoldingSignals {
				t.Error("signals are still held")
			}
		})
	}
}

func TestCorruptCachedTokenIsReplaced(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.put(t, keystore.Key{Kind: keystore.KindToken, Org: "prod"}, []byte("garbage"))
	for range 2 {
		if c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil || tokenOf(c) != "test-access-token-1" {
			t.Error(err)
		}
	}
}

func TestRefreshTokenOfUnusableAnswerIsSaved(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
		return salesforce.Answer{RefreshToken: secret.New("test-refresh-token-1")}, &salesforce.Error{Reason: salesforce.Lost}
	}
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); codeOf(err) != protocol.TemporarilyUnavailable {
		t.Errorf("got %v", err)
	}
	g := f.grantOf(t, "prod")
	if g.RefreshToken.Reveal() != "test-refresh-token-1" || g.Rotates == nil || !*g.Rotates {
		t.Error("the rotated refresh token is lost")
	}
}

func TestTokenIsReturnedIfTheCacheFails(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.store.Fault = func(op string, key keystore.Key) error {
		if op == "set" && key.Kind == keystore.KindToken {
			return &keystore.Error{Op: "write", Reason: keystore.ErrUnavailable}
		}
		return nil
	}
	if c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil || tokenOf(c) != "test-access-token-1" || len(f.warnings) != 1 {
		t.Errorf("%v, warnings %q", err, f.warnings)
	}
}
