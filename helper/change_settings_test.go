package helper

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"forcecred/internal/hints"
	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"

	"github.com/google/go-cmp/cmp"
)

const newHost = "https://new.my.salesforce.com"

// newSettled is newTenant with a grant that a person stored, and a cached token for each API.
func newSettled(t *testing.T) *fixture {
	t.Helper()
	f := newTenant(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), nil }
	g := f.grantOf(t, "prod")
	g.StoredAt, g.Username, g.SessionTimeout, g.Site = start, "me@acme.com", 7200, "/partners"
	f.storeGrant(t, g)
	f.dataCloud(t, protocol.GetRequest{})
	f.now = f.now.Add(time.Minute)
	return f
}

// wantCached checks which tokens are cached.
func (f *fixture) wantCached(t *testing.T, name, own string, tenants bool) {
	t.Helper()
	token, err := keystore.LoadToken(t.Context(), f.store, "prod")
	if got := strings.TrimPrefix(token.AccessToken.Reveal(), "00Dxx!"); err != nil || got != own {
		t.Errorf("%s: the cached token is %s, want %s: %v", name, got, own, err)
	}
	if f.isAbsent(t.Context(), keystore.Key{Kind: keystore.KindDataCloud, Org: "prod"}) == tenants {
		t.Errorf("%s: the Data Cloud token is cached: %v", name, !tenants)
	}
}

func pointer[T any](v T) *T { return &v }

func TestSet(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		req    protocol.SetRequest
		change func(g *keystore.Grant)
		rotate bool
	}{
		{"a new host", protocol.SetRequest{LoginURL: newHost + "/"}, func(g *keystore.Grant) { g.LoginURL = newHost }, true},
		{"a new host, without rotation", protocol.SetRequest{LoginURL: newHost}, func(g *keystore.Grant) { g.LoginURL = newHost }, false},
		{"a host that is not Salesforce's", protocol.SetRequest{LoginURL: "https://login.example:8443", AllowHost: true}, func(g *keystore.Grant) {
			g.LoginURL, g.AllowHost = "https://login.example:8443", true
		}, true},
		{"no site", protocol.SetRequest{Site: pointer("")}, func(g *keystore.Grant) { g.Site = "" }, true},
		{"a new secret", protocol.SetRequest{ClientSecret: secret.New("test-client-secret-2")}, func(g *keystore.Grant) { g.ClientSecret = secret.New("test-client-secret-2") }, true},
		{"a session length", protocol.SetRequest{SessionTimeout: pointer(time.Hour)}, func(g *keystore.Grant) { g.SessionTimeout = 3600 }, true},
		{"no session length", protocol.SetRequest{SessionTimeout: pointer(time.Duration(0))}, func(g *keystore.Grant) { g.SessionTimeout = 0 }, false},
	} {
		f := newSettled(t)
		want := f.grantOf(t, "prod")
		tt.change(&want)
		want.RefreshedAt, want.Rotates = f.now, &tt.rotate
		f.refresh = func(g salesforce.RefreshGrant) (salesforce.Answer, error) {
			if g.Host.URL()+g.Host.Site() != want.LoginURL+want.Site || !g.ClientSecret.Equal(want.ClientSecret) || !g.RefreshToken.Equal(secret.New("test-refresh-token-1")) {
				t.Errorf("%s: the refresh is not by the new settings", tt.name)
			}
			a := answer(2)
			if tt.rotate {
				a = rotated(2)
			}
			a.InstanceURL = newHost
			return a, nil
		}
		want.InstanceURL = newHost
		if tt.rotate {
			want.RefreshToken = secret.New("test-refresh-token-2")
		}
		tt.req.Org = "prod"
		if err := f.Set(t.Context(), tt.req); err != nil || f.posts != 2 || f.isHoldingSignals || len(f.warnings) > 0 {
			t.Errorf("%s: %v after %d refreshes; %q", tt.name, err, f.posts, f.warnings)
		}
		got := f.grantOf(t, "prod")
		if diff := cmp.Diff(want, got, cmp.Comparer(secret.Text.Equal)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		f.wantCached(t, tt.name, "test-access-token-2", false)
		if !f.isAbsent(t.Context(), journalKey("prod")) {
			t.Errorf("%s: the journal's key is left", tt.name)
		}
	}
}

// TestSetRefused: an invalid request, or a keystore that refuses writes, sends no refresh
// token.
func TestSetRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		req   protocol.SetRequest
		setup func(f *fixture)
		code  protocol.Code
		says  string
	}{
		{"not Salesforce's host", protocol.SetRequest{LoginURL: "https://login.example"}, nil, protocol.BadRequest, "does not name a Salesforce host"},
		{"not https", protocol.SetRequest{LoginURL: "http://new.my.salesforce.com"}, nil, protocol.BadRequest, "is not an https URL"},
		{"no site's path", protocol.SetRequest{Site: pointer("partners")}, nil, protocol.BadRequest, "site does not begin with a slash"},
		{"a session of a year", protocol.SetRequest{SessionTimeout: pointer(9000 * time.Hour)}, nil, protocol.BadRequest, "session_timeout"},
		{"a key, of a refresh token", protocol.SetRequest{PrivateKeyFile: "/keys/ci.pem"}, nil, protocol.BadRequest, "no private key"},
		{"no such org", protocol.SetRequest{Org: "nosuch", LoginURL: newHost}, nil, protocol.OrgNotFound, "there is no org"},
		{"no name", protocol.SetRequest{Org: "../x", LoginURL: newHost}, nil, protocol.BadRequest, "name"},
		{"another program's", protocol.SetRequest{LoginURL: newHost}, func(f *fixture) {
			g := f.grantOf(t, "prod")
			g.StoredAt, g.Source = time.Time{}, keystore.SalesforceCLI
			f.storeGrant(t, g)
		}, protocol.KeystoreUnavailable, "sf org login web --alias prod --instance-url"},
		{"a keystore that takes no key", protocol.SetRequest{LoginURL: newHost}, func(f *fixture) { f.failing("set", keystore.KindJournal, 1, -1) }, protocol.KeystoreUnavailable, "no refresh token was sent"},
		{"the same, of an org that did not rotate", protocol.SetRequest{LoginURL: newHost}, func(f *fixture) {
			g := f.grantOf(t, "prod")
			g.Rotates = new(bool)
			f.storeGrant(t, g)
			f.failing("set", keystore.KindJournal, 1, -1)
		}, protocol.KeystoreUnavailable, "no refresh token was sent"},
	} {
		f := newSettled(t)
		if tt.req.Org == "" {
			tt.req.Org = "prod"
		}
		if tt.setup != nil {
			tt.setup(f)
		}
		before := f.grantOf(t, "prod")
		err := f.Set(t.Context(), tt.req)
		e, ok := errors.AsType[*protocol.Error](err)
		if !ok || e.Code != tt.code || !strings.Contains(e.Message+hints.Of(e), tt.says) || f.posts != 1 {
			t.Errorf("%s: %v, %d refreshes", tt.name, err, f.posts)
		}
		if diff := cmp.Diff(before, f.grantOf(t, "prod"), cmp.Comparer(secret.Text.Equal)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		f.wantCached(t, tt.name, "test-access-token-1", true)
	}
}

// TestSetFails: whatever Salesforce answers, the settings stay, and the valid refresh token
// is stored.
func TestSetFails(t *testing.T) {
	t.Parallel()
	fail := func(reason salesforce.Reason, next string) func(salesforce.RefreshGrant) (salesforce.Answer, error) {
		return func(salesforce.RefreshGrant) (salesforce.Answer, error) {
			return salesforce.Answer{RefreshToken: secret.New(next)}, &salesforce.Error{Reason: reason, Status: 400, Code: "e", Remedy: remedy.To("try_again")}
		}
	}
	for _, tt := range []struct {
		name    string
		refresh func(salesforce.RefreshGrant) (salesforce.Answer, error)
		posts   int
		code    protocol.Code
		token   string
		unknown bool
	}{
		{"refused", fail(salesforce.Refused, ""), 2, protocol.Refused, "test-refresh-token-1", false},
		{"not known there", fail(salesforce.GrantDead, ""), 2, protocol.Refused, "test-refresh-token-1", false},
		{"no such host", fail(salesforce.Unreachable, ""), 1 + maxTries, protocol.TemporarilyUnavailable, "test-refresh-token-1", false},
		{"a lost answer", fail(salesforce.Lost, ""), 2, protocol.TemporarilyUnavailable, "test-refresh-token-1", true},
		{"a fault", fail(salesforce.ServerFault, ""), 2, protocol.TemporarilyUnavailable, "test-refresh-token-1", true},
		{"a page", fail(salesforce.Garbled, ""), 2, protocol.TemporarilyUnavailable, "test-refresh-token-1", true},
		{"cut off after the token", fail(salesforce.Lost, "test-refresh-token-2"), 2, protocol.TemporarilyUnavailable, "test-refresh-token-2", false},
		{"a signature by another secret", fail(salesforce.Refused, "test-refresh-token-2"), 2, protocol.Refused, "test-refresh-token-2", false},
	} {
		f := newSettled(t)
		want := f.grantOf(t, "prod")
		f.refresh = tt.refresh
		err := f.Set(t.Context(), protocol.SetRequest{Org: "prod", LoginURL: newHost, ClientSecret: secret.New("test-client-secret-2")})
		e, ok := errors.AsType[*protocol.Error](err)
		if !ok || e.Code != tt.code || f.posts != tt.posts || f.isHoldingSignals || !strings.HasPrefix(e.Message, `change the settings of "prod": `) || !strings.HasSuffix(e.Message, "; the stored settings are unchanged") {
			t.Errorf("%s: %v after %d refreshes", tt.name, err, f.posts)
		}
		if ok && strings.Contains(hints.Of(e), rotationUnknown) != tt.unknown {
			t.Errorf("%s: hint %q", tt.name, hints.Of(e))
		}
		want.RefreshToken = secret.New(tt.token)
		got := f.grantOf(t, "prod")
		got.RefreshedAt = want.RefreshedAt
		if diff := cmp.Diff(want, got, cmp.Comparer(secret.Text.Equal)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		f.wantCached(t, tt.name, "test-access-token-1", true)
		if !f.isAbsent(t.Context(), journalKey("prod")) {
			t.Errorf("%s: the journal's key is left", tt.name)
		}
	}
}

// TestSetWritesTheJournal: if the keystore does not accept the new settings, they are lost,
// but the login is not.
func TestSetWritesTheJournal(t *testing.T) {
	t.Parallel()
	f := newSettled(t)
	f.failing("set", keystore.KindGrant, 1, -1)
	err := f.Set(t.Context(), protocol.SetRequest{Org: "prod", LoginURL: newHost})
	if e, ok := errors.AsType[*protocol.Error](err); !ok || e.Code != protocol.KeystoreUnavailable || !strings.Contains(e.Message, "the stored settings are unchanged; the new refresh token is stored in the journal") {
		t.Errorf("%v", err)
	}
	f.store.Fault = nil
	if g := f.grantOf(t, "prod"); g.LoginURL != salesforce.DefaultLoginURL || g.RefreshToken.Reveal() != "test-refresh-token-1" {
		t.Error("the stored grant has changed")
	}
	// The next refresh uses the journal's refresh token.
	f.refresh = func(g salesforce.RefreshGrant) (salesforce.Answer, error) {
		if g.RefreshToken.Reveal() != "test-refresh-token-2" {
			return salesforce.Answer{}, &salesforce.Error{Reason: salesforce.GrantDead}
		}
		return rotated(3), nil
	}
	if err := f.Set(t.Context(), protocol.SetRequest{Org: "prod", LoginURL: newHost}); err != nil {
		t.Fatal(err)
	}
	if g := f.grantOf(t, "prod"); g.LoginURL != newHost || g.RefreshToken.Reveal() != "test-refresh-token-3" {
		t.Errorf("%s", g.LoginURL)
	}

	// If the journal fails too, the error says so.
	f.journal.writeErr = errors.New("no space left on device")
	f.failing("set", keystore.KindGrant, 1, -1)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(4), nil }
	err = f.Set(t.Context(), protocol.SetRequest{Org: "prod", LoginURL: salesforce.DefaultLoginURL})
	if e, ok := errors.AsType[*protocol.Error](err); !ok || e.Retryable || !strings.Contains(hints.Of(e), "the login is lost") {
		t.Errorf("%v", err)
	}
}

// TestSetOfUnattendedGrants: a grant without a refresh token may be exchanged again. Its
// cached tokens are deleted before it changes, because they may be for another org.
func TestSetOfUnattendedGrants(t *testing.T) {
	t.Parallel()
	f := newTenant(t)
	f.storeGrant(t, keystore.Grant{
		Org: "prod", Type: keystore.ClientCredentials, LoginURL: "https://acme.my.salesforce.com", ClientID: "test-client-id", ClientSecret: secret.New("test-client-secret"), StoredAt: start,
	})
	f.dataCloud(t, protocol.GetRequest{})
	mint, tries := f.mint, 0
	f.mint = func(g salesforce.Grant) (salesforce.Answer, error) {
		if tries++; tries == 1 {
			return salesforce.Answer{}, &salesforce.Error{Reason: salesforce.Refused, Status: 400, Code: "invalid_client"}
		}
		return mint(g)
	}
	set := protocol.SetRequest{Org: "prod", LoginURL: newHost, ClientSecret: secret.New("test-client-secret-2")}
	if err := f.Set(t.Context(), set); codeOf(err) != protocol.Refused {
		t.Errorf("%v", err)
	}
	f.wantCached(t, "refused", "test-access-token-1", true)
	var order []string
	f.store.Fault = func(op string, key keystore.Key) error {
		if op == "set" || op == "delete" {
			order = append(order, op+" "+string(key.Kind))
		}
		return nil
	}
	if err := f.Set(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	if want := []string{"delete datacloud", "delete token", "set org"}; len(order) < 3 || !slices.Equal(order[:3], want) {
		t.Errorf("%v", order)
	}
	if g := f.grantOf(t, "prod"); g.LoginURL != newHost || !g.ClientSecret.Equal(set.ClientSecret) {
		t.Error("it is not stored")
	}
	if err := f.Set(t.Context(), protocol.SetRequest{Org: "prod", LoginURL: salesforce.DefaultLoginURL}); codeOf(err) != protocol.BadRequest {
		t.Errorf("at login.salesforce.com: %v", err)
	}
}

// TestSetPrivateKey: a new key file replaces a stored key.
func TestSetPrivateKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key := secret.New(appKey(t).PEM)
	newKey := filepath.Join(t.TempDir(), "new.pem") // an absolute path on each system
	f.config.ReadKey = func(path string) (secret.Text, error) {
		if path != newKey {
			return secret.Text{}, errors.New("no such file")
		}
		return key, nil
	}
	f.storeGrant(t, keystore.Grant{
		Org: "prod", Type: keystore.JWTBearer, LoginURL: "https://acme.my.salesforce.com", ClientID: "test-client-id", Username: "me@acme.com", PrivateKey: key, StoredAt: start,
	})
	if err := f.Set(t.Context(), protocol.SetRequest{Org: "prod", PrivateKeyFile: newKey + ".old"}); codeOf(err) != protocol.BadRequest || f.posts != 0 {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := f.Set(t.Context(), protocol.SetRequest{Org: "prod", PrivateKeyFile: newKey, KeyID: pointer("test-key-2"), Audience: pointer("https://login.salesforce.com")}); err != nil {
		t.Fatal(err)
	}
	if g := f.grantOf(t, "prod"); !g.PrivateKey.Empty() || g.PrivateKeyFile != newKey || g.KeyID != "test-key-2" || g.Audience != "https://login.salesforce.com" || g.Username != "me@acme.com" {
		t.Errorf("%+v", g)
	}
}
