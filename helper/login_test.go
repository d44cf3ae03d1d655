package helper

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// loginRequest is for an org that is not in the fixture's store.
var loginRequest = protocol.StoreRequest{Org: "new", ClientID: "test-client-id", SessionTimeout: time.Hour}

// user is a Browser whose user acts as the function does.
type user func(address, state string) (Redirect, error)

func (u user) RedirectURI() string { return "http://localhost:1717/OauthRedirect" }

func (u user) Authorize(_ context.Context, address, state string) (Redirect, error) {
	return u(address, state)
}

// allows is a user who gives consent.
func allows(address, state string) (Redirect, error) {
	return Redirect{Code: secret.New("test-code")}, nil
}

func TestLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.username = "me@acme.com"
	f.exchange = func(a salesforce.Authorization, code secret.Text) (salesforce.Answer, error) {
		if code.Reveal() != "test-code" || a.RedirectURI != "http://localhost:1717/OauthRedirect" {
			return salesforce.Answer{}, errors.New("not what the browser brought")
		}
		return rotated(1), nil
	}
	known, err := f.Login(t.Context(), loginRequest, "api", user(func(address, state string) (Redirect, error) {
		for _, part := range []string{"https://login.salesforce.com/services/oauth2/authorize?", "state=" + state, "scope=api", "code_challenge_method=S256", "prompt=login"} {
			if !strings.Contains(address, part) {
				t.Errorf("the address has no %q: %s", part, address)
			}
		}
		if f.isHoldingSignals {
			t.Error("signals are held while a person thinks")
		}
		lock, err := f.lock(t.Context(), "new")
		if err != nil {
			t.Error("the lock is held while a person thinks: ", err)
		} else {
			lock.unlock()
		}
		return allows(address, state)
	}))
	if err != nil || known.Username != "me@acme.com" || known.InstanceURL != "https://acme.my.salesforce.com" || known.Rotates != nil {
		t.Fatalf("got %+v, %v", known, err)
	}
	if f.isHoldingSignals || len(f.revoked) > 0 {
		t.Errorf("signals are held: %v, revoked: %d", f.isHoldingSignals, len(f.revoked))
	}
	g := f.grantOf(t, "new")
	if g.RefreshToken.Reveal() != "test-refresh-token-1" || g.Username != "me@acme.com" || g.SessionTimeout != 3600 || !g.StoredAt.Equal(start) {
		t.Errorf("kept: %+v", g)
	}
	c, err := f.Get(t.Context(), protocol.GetRequest{Org: "new"})
	if err != nil || tokenOf(c) != "test-access-token-1" || f.posts != 0 {
		t.Errorf("the access token of the login is not in the cache: %v", err)
	}
	if !f.isAbsent(t.Context(), journalKey("new")) {
		t.Error("the proof that the keystore takes a write is still in it")
	}
}

// TestLoginKeepsTheJournalEntry: until the user has logged in, the journal entry of a refresh
// stays.
func TestLoginKeepsTheJournalEntry(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), nil }
	f.store.Fault = func(op string, key keystore.Key) error {
		if op == "set" && key.Kind == keystore.KindGrant {
			return &keystore.Error{Op: "write", Reason: keystore.ErrUnavailable}
		}
		return nil
	}
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil {
		t.Fatal(err)
	}
	f.store.Fault = nil
	again := protocol.StoreRequest{Org: "prod", ClientID: "test-client-id"}
	_, err := f.Login(t.Context(), again, "", user(func(string, string) (Redirect, error) {
		return Redirect{}, protocol.Errorf(protocol.TemporarilyUnavailable, "nobody came")
	}))
	if codeOf(err) != protocol.TemporarilyUnavailable {
		t.Fatal(err)
	}
	if got := f.grantOf(t, "prod").RefreshToken.Reveal(); got != "test-refresh-token-1" {
		t.Errorf("the sealed refresh token is lost: %s is kept", got)
	}
}

// TestLoginRetries: the code exchange is retried only if the code was not sent.
func TestLoginRetries(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason salesforce.Reason
		tries  int
		code   protocol.Code
	}{
		{salesforce.Unreachable, maxTries, protocol.TemporarilyUnavailable},
		{salesforce.Throttled, 1, protocol.TemporarilyUnavailable},
		{salesforce.Busy, 1, protocol.TemporarilyUnavailable},
		{salesforce.Lost, 1, protocol.TemporarilyUnavailable},
		{salesforce.ServerFault, 1, protocol.TemporarilyUnavailable},
		{salesforce.GrantDead, 1, protocol.SignInAgain},
		{salesforce.Refused, 1, protocol.Refused},
	} {
		f, tries := newFixture(t), 0
		f.exchange = func(salesforce.Authorization, secret.Text) (salesforce.Answer, error) {
			tries++
			return salesforce.Answer{}, &salesforce.Error{Reason: tt.reason}
		}
		_, err := f.Login(t.Context(), loginRequest, "", user(allows))
		if codeOf(err) != tt.code || tries != tt.tries || f.isHoldingSignals {
			t.Errorf("%s: %d tries, %v, signals held: %v", tt.reason, tries, err, f.isHoldingSignals)
		}
	}
}

// TestLoginRefused: the error of the redirect is in the error's fields.
func TestLoginRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, err := f.Login(t.Context(), loginRequest, "", user(func(string, string) (Redirect, error) {
		return Redirect{Error: "access_denied", ErrorDescription: "end-user denied authorization"}, nil
	}))
	failure := (*protocol.Error)(nil)
	if !errors.As(err, &failure) || failure.Code != protocol.Refused || failure.Salesforce == nil {
		t.Fatalf("got %v", err)
	}
	if want := (protocol.SalesforceError{Error: "access_denied", Description: "end-user denied authorization"}); *failure.Salesforce != want {
		t.Errorf("Salesforce said %+v", *failure.Salesforce)
	}
}

// TestLoginSendsNoCodeTwice: if the ID token of an answer cannot be checked, the code is used
// nevertheless.
func TestLoginSendsNoCodeTwice(t *testing.T) {
	t.Parallel()
	for _, reason := range []salesforce.Reason{salesforce.Unreachable, salesforce.Throttled} {
		f, tries := newFixture(t), 0
		f.exchange = func(salesforce.Authorization, secret.Text) (salesforce.Answer, error) {
			if tries++; tries > 1 {
				return salesforce.Answer{}, &salesforce.Error{Reason: salesforce.GrantDead}
			}
			return rotated(1), &salesforce.Error{Reason: reason}
		}
		_, err := f.Login(t.Context(), loginRequest, "", user(allows))
		if codeOf(err) != protocol.TemporarilyUnavailable || tries != 1 || !slices.Equal(f.revoked, []string{"test-refresh-token-1"}) {
			t.Errorf("%s: %d tries, revoked %q, %v", reason, tries, f.revoked, err)
		}
	}
}

// TestLoginRevokesWhatItCannotStore: a login that cannot be stored is revoked, and the error
// says whether that succeeded.
func TestLoginRevokesWhatItCannotStore(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		exchange error
		store    bool // the keystore accepts no grant
		revoke   error
		says     string
		revoked  []string
	}{
		{"refused answer", &salesforce.Error{Reason: salesforce.Refused}, false, nil, `log in to "new"`, []string{"test-refresh-token-1"}},
		{"full keystore", nil, true, nil, "the new login was revoked at Salesforce", []string{"test-refresh-token-1"}},
		{"and no network", nil, true, errors.New("no"), "OAuth connected apps", nil},
	} {
		f := newFixture(t)
		f.revoke = tt.revoke
		f.exchange = func(salesforce.Authorization, secret.Text) (salesforce.Answer, error) { return rotated(1), tt.exchange }
		f.sleep = func(context.Context, time.Duration) error { return nil }
		if tt.store {
			f.store.Fault = func(op string, key keystore.Key) error {
				if op == "set" && key.Kind == keystore.KindGrant {
					return &keystore.Error{Op: "write", Reason: keystore.ErrUnavailable}
				}
				return nil
			}
		}
		_, err := f.Login(t.Context(), loginRequest, "", user(allows))
		if err == nil || !strings.Contains(err.Error(), tt.says) || !slices.Equal(f.revoked, tt.revoked) || f.isHoldingSignals {
			t.Errorf("%s: revoked %q, %v", tt.name, f.revoked, err)
		}
		f.store.Fault = nil
		if !f.isAbsent(t.Context(), keystore.Key{Kind: keystore.KindGrant, Org: "new"}) {
			t.Errorf("%s: something was kept", tt.name)
		}
	}
}

// TestLoginFillsInStoredSettings: settings that the request leaves out come from the stored
// org, together with the settings that they belong to.
func TestLoginFillsInStoredSettings(t *testing.T) {
	t.Parallel()
	stored := keystore.Grant{
		Org: "prod", LoginURL: "https://partners.acme.example", Site: "/partners", AllowHost: true, ClientID: "test-client-id",
		ClientSecret: secret.New("test-client-secret"), RefreshToken: secret.New("test-refresh-token-0"), SessionTimeout: 60, StoredAt: start,
	}
	for _, tt := range []struct {
		name    string
		req     protocol.StoreRequest
		foreign bool // the stored org is the Salesforce CLI's
		code    protocol.Code
		host    string
		secret  string
	}{
		{name: "all of it", host: "https://partners.acme.example/partners/", secret: "test-client-secret"},
		{name: "another client", req: protocol.StoreRequest{ClientID: "another"}, host: "https://partners.acme.example/partners/"},
		{name: "another secret", req: protocol.StoreRequest{ClientSecret: secret.New("test-other")}, host: "https://partners.acme.example/partners/", secret: "test-other"},
		{name: "another host", req: protocol.StoreRequest{LoginURL: "https://acme.my.salesforce.com"}, host: "https://acme.my.salesforce.com/services", secret: "test-client-secret"},
		{name: "a host that is given the other's secret", req: protocol.StoreRequest{LoginURL: "https://login.other.example", AllowHost: true}, code: protocol.Usage},
		{name: "loopback", req: protocol.StoreRequest{LoginURL: "https://localhost:8443"}, code: protocol.Usage},
		{name: "another host, with its secret", req: protocol.StoreRequest{LoginURL: "https://login.other.example", AllowHost: true, ClientSecret: secret.New("test-other")}, host: "https://login.other.example/services", secret: "test-other"},
		{name: "another host, another client", req: protocol.StoreRequest{LoginURL: "https://login.other.example", AllowHost: true, ClientID: "another"}, host: "https://login.other.example/services"},
		{name: "a host below", req: protocol.StoreRequest{LoginURL: "https://new.partners.acme.example", AllowHost: true}, host: "https://new.partners.acme.example/services", secret: "test-client-secret"},
		{name: "a host that was not allowed", req: protocol.StoreRequest{LoginURL: "https://evil.example"}, code: protocol.BadRequest},
		{name: "the Salesforce CLI's", foreign: true, code: protocol.Usage},
	} {
		f := newFixture(t)
		g := stored
		if tt.foreign {
			g.StoredAt = time.Time{}
		}
		f.storeGrant(t, g)
		f.exchange = func(salesforce.Authorization, secret.Text) (salesforce.Answer, error) { return rotated(1), nil }
		tt.req.Org = "prod"
		visited := ""
		_, err := f.Login(t.Context(), tt.req, "", user(func(address, state string) (Redirect, error) {
			visited = address
			return allows(address, state)
		}))
		if codeOf(err) != tt.code || !strings.HasPrefix(visited, tt.host) {
			t.Errorf("%s: went to %q: %v", tt.name, visited, err)
		}
		if err == nil && f.grantOf(t, "prod").ClientSecret.Reveal() != tt.secret {
			t.Errorf("%s: the secret is not the one of this client", tt.name)
		}
	}
}
