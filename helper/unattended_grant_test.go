package helper

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forcecred/internal/hints"
	"forcecred/internal/orgtest"
	"forcecred/internal/privatefile"
	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/keystore/storetest"
	"forcecred/protocol"
	"forcecred/protocol/secret"

	"github.com/google/go-cmp/cmp"
)

func appKey(t *testing.T) orgtest.AppKey {
	t.Helper()
	key, err := orgtest.NewAppKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// unattended has a request for each grant type that needs no user.
func unattended(t *testing.T) map[string]protocol.StoreRequest {
	t.Helper()
	return map[string]protocol.StoreRequest{
		"jwt_bearer": {
			Org: "ci", GrantType: "jwt_bearer", LoginURL: "https://acme.my.salesforce.com", ClientID: "test-client-id", Username: "test-user@example.com",
			PrivateKey: secret.New(appKey(t).PEM), KeyID: "test-key-1", Audience: "https://login.salesforce.com",
		},
		"client_credentials": {
			Org: "ci", GrantType: "client_credentials", LoginURL: "https://acme.my.salesforce.com", ClientID: "test-client-id",
			ClientSecret: secret.New("test-client-secret"),
		},
	}
}

// newUnattended is newOnline with the org stored as ci, with a grant of that type.
func newUnattended(t *testing.T, grantType string, cfg orgtest.Config) (*fixture, *orgtest.Org) {
	t.Helper()
	cfg.AppKey, cfg.RunAs = appKey(t).Public, true
	if grantType == "client_credentials" {
		cfg.ClientSecret = "test-client-secret"
	}
	f, org, _ := newOnline(t, cfg)
	req := unattended(t)[grantType]
	req.LoginURL, req.ClientID, req.Audience = org.URL, org.ClientID(), ""
	if err := f.Store(t.Context(), req, false); err != nil {
		t.Fatal(err)
	}
	return f, org
}

// TestUnattended: the token is requested, cached and replaced as by a refresh. There is no
// reservation, because there is no refresh token to lose.
func TestUnattended(t *testing.T) {
	t.Parallel()
	for grantType, introspected := range map[string]int{"jwt_bearer": 0, "client_credentials": 1} {
		t.Run(grantType, func(t *testing.T) {
			t.Parallel()
			// The org sends a refresh token nevertheless. It is not stored.
			f, org := newUnattended(t, grantType, orgtest.Config{})
			org.FailNext(orgtest.Always, orgtest.Fault{Fields: map[string]any{"refresh_token": "5Aep861.test-refresh-token-unasked"}})
			f.store.Fault = func(op string, key keystore.Key) error {
				if op == "set" && key.Kind == keystore.KindJournal {
					t.Error("a journal is prepared")
				}
				return nil
			}
			for range 2 {
				c, err := f.Get(t.Context(), protocol.GetRequest{Org: "ci"})
				if err != nil || c.AccessToken.Reveal() != org.AccessToken() {
					t.Fatalf("not the org's token: %v", err)
				}
			}
			c, err := f.Get(t.Context(), protocol.GetRequest{Org: "ci", Force: true})
			if err != nil || c.AccessToken.Reveal() != org.AccessToken() || org.Count(orgtest.Token) != 2 {
				t.Errorf("forced: %v, %d token requests", err, org.Count(orgtest.Token))
			}
			if n := org.Count(orgtest.Introspect); n != introspected {
				t.Errorf("introspected %d times, want %d", n, introspected)
			}
			g := f.grantOf(t, "ci")
			if g.Rotates != nil || !g.RefreshToken.Empty() || g.InstanceURL != org.URL || g.RefreshedAt.IsZero() {
				t.Errorf("the grant is %+v", g)
			}
			orgs, err := f.List(t.Context())
			if err != nil || orgs[0].Org != "ci" || orgs[0].GrantType != grantType || orgs[0].Rotates != nil {
				t.Errorf("listed as %+v: %v", orgs, err)
			}
			f.wantClean(t)
		})
	}
}

// TestUnattendedResends: a grant without a refresh token is retried after a lost answer. The
// right column of the table in docs/decisions/0001 has the rule.
func TestUnattendedResends(t *testing.T) {
	t.Parallel()
	for grantType := range unattended(t) {
		for name, fault := range map[string]int{"reset-after-commit": 2, "truncated-after-commit": 2, "503-after-commit": 2, "status-500": 2, "html-200": 1, "assertion-invalid": 1} {
			t.Run(grantType+", "+name, func(t *testing.T) {
				t.Parallel()
				f, org := newUnattended(t, grantType, orgtest.Config{HTTP1: true})
				strike, _ := orgtest.FaultNamed(name)
				org.FailNext(1, strike)
				_, err := f.Get(t.Context(), protocol.GetRequest{Org: "ci"})
				if posts := org.Count(orgtest.Token); posts != fault || (err == nil) != (fault == 2) {
					t.Errorf("%d token requests, want %d: %v", posts, fault, err)
				}
				if e := (*protocol.Error)(nil); errors.As(err, &e) && strings.Contains(hints.Of(e), rotationUnknown) {
					t.Error("the hint speaks of a refresh token that may be gone")
				}
			})
		}
	}
}

// TestUnattendedRefusals: no refusal says to log in again, because nobody has logged in.
func TestUnattendedRefusals(t *testing.T) {
	t.Parallel()
	for grantType := range unattended(t) {
		for _, fault := range orgtest.Errors {
			t.Run(grantType+", "+fault.Name, func(t *testing.T) {
				t.Parallel()
				f, org := newUnattended(t, grantType, orgtest.Config{})
				org.FailNext(orgtest.Always, fault.Fault())
				_, err := f.Get(t.Context(), protocol.GetRequest{Org: "ci"})
				e := (*protocol.Error)(nil)
				if !errors.As(err, &e) || e.Code != protocol.Refused && e.Code != protocol.TemporarilyUnavailable {
					t.Fatalf("got %v", err)
				}
				if strings.Contains(hints.Of(e), "sign in again") || strings.Contains(hints.Of(e), "refresh token") {
					t.Errorf("the hint is %q", hints.Of(e))
				}
			})
		}
	}
}

// TestUnattendedKeystore: Get returns a new token even if the grant cannot be saved. Store
// fails if a new grant cannot be saved.
func TestUnattendedKeystore(t *testing.T) {
	t.Parallel()
	for grantType, req := range unattended(t) {
		f := newFixture(t)
		if err := f.Store(t.Context(), req, false); err != nil {
			t.Fatal(err)
		}
		full := func(op string, key keystore.Key) error {
			if op == "set" && key.Kind == keystore.KindGrant {
				return &keystore.Error{Op: op, Reason: keystore.ErrUnavailable}
			}
			return nil
		}
		f.store.Fault = full
		if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "ci"}); err != nil || len(f.warnings) != 1 || len(f.waits) != 0 {
			t.Errorf("%s: %v, warnings %q", grantType, err, f.warnings)
		}
		if err := f.Store(t.Context(), req, true); codeOf(err) != protocol.KeystoreUnavailable {
			t.Errorf("%s: stored without being kept: %v", grantType, err)
		}
		f.store.Fault = nil
		if err := f.Store(t.Context(), req, true); err != nil || f.posts != 3 {
			t.Errorf("%s: %v, %d requests", grantType, err, f.posts)
		}
		if c, err := f.Get(t.Context(), protocol.GetRequest{Org: "ci"}); err != nil || f.posts != 3 || tokenOf(c) != "test-access-token-3" {
			t.Errorf("%s: the token that verifying got is not cached: %v", grantType, err)
		}
		f.mint = func(salesforce.Grant) (salesforce.Answer, error) {
			return salesforce.Answer{}, &salesforce.Error{Reason: salesforce.Refused, Status: 400}
		}
		req.Org = "other"
		if err := f.Store(t.Context(), req, true); codeOf(err) != protocol.Refused || !f.isAbsent(t.Context(), keystore.Key{Kind: keystore.KindGrant, Org: "other"}) {
			t.Errorf("%s: a refused grant was stored: %v", grantType, err)
		}
	}
}

func TestStoreUnattended(t *testing.T) {
	t.Parallel()
	jwt, client := unattended(t)["jwt_bearer"], unattended(t)["client_credentials"]
	f := newFixture(t)
	if err := f.Store(t.Context(), jwt, false); err != nil {
		t.Fatal(err)
	}
	want := keystore.Grant{
		Org: "ci", Type: keystore.JWTBearer, LoginURL: jwt.LoginURL, ClientID: jwt.ClientID, Username: jwt.Username,
		PrivateKey: jwt.PrivateKey, KeyID: jwt.KeyID, Audience: jwt.Audience, StoredAt: start,
	}
	if diff := cmp.Diff(want, f.grantOf(t, "ci")); diff != "" {
		t.Error(diff)
	}
	for _, tt := range []struct {
		name, says string
		req        protocol.StoreRequest
		change     func(*protocol.StoreRequest)
	}{
		{"login.salesforce.com", "My Domain", client, func(r *protocol.StoreRequest) { r.LoginURL = "https://login.salesforce.com" }},
		{"no login_url", "My Domain", client, func(r *protocol.StoreRequest) { r.LoginURL = "" }},
		{"test.salesforce.com", "My Domain", client, func(r *protocol.StoreRequest) { r.LoginURL = "https://test.salesforce.com/" }},
		{"another's host", "does not name a Salesforce host", client, func(r *protocol.StoreRequest) { r.LoginURL = "https://acme.example" }},
		{"audience", "audience is not an https URL", jwt, func(r *protocol.StoreRequest) { r.Audience = "acme" }},
		{"no key", "private_key is not a private key", jwt, func(r *protocol.StoreRequest) { r.PrivateKey = secret.New("test-private-key") }},
	} {
		tt.change(&tt.req)
		f.config.Connect = func() (*Client, error) {
			t.Errorf("%s: Salesforce is asked", tt.name)
			return ClientOf(f), nil
		}
		err := f.Store(t.Context(), tt.req, true)
		if codeOf(err) != protocol.BadRequest || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "test-private-key") {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
	for _, change := range []func(*protocol.StoreRequest){
		func(r *protocol.StoreRequest) { r.LoginURL = "https://localhost:8443" },
		func(r *protocol.StoreRequest) { r.LoginURL, r.AllowHost = "https://acme.example", true },
	} {
		req := client
		change(&req)
		if err := f.Store(t.Context(), req, false); err != nil {
			t.Errorf("%s: %v", req.LoginURL, err)
		}
	}
}

// TestKeyFile: a key in a file is read each time that it is needed.
func TestKeyFile(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.ReadKey = privatefile.ReadSecret
	path := filepath.Join(t.TempDir(), "key.pem")
	req := unattended(t)["jwt_bearer"]
	req.PrivateKey, req.PrivateKeyFile = secret.Text{}, path
	err := f.Store(t.Context(), req, false)
	if e := (*protocol.Error)(nil); !errors.As(err, &e) || e.Code != protocol.BadRequest || !strings.Contains(e.Message, path) || hints.Of(e) == "" {
		t.Errorf("a file that is not there: %v", err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(appKey(t).PEM)
	if err := f.Store(t.Context(), req, true); err != nil || f.posts != 1 {
		t.Fatalf("%v, %d requests", err, f.posts)
	}
	if item, err := keystore.EncodeGrant(f.grantOf(t, "ci")); err != nil || strings.Contains(string(item), "BEGIN") {
		t.Errorf("the key is copied into the keystore: %v", err)
	}
	write("test-private-key")
	f.now = f.now.Add(24 * time.Hour)
	_, err = f.Get(t.Context(), protocol.GetRequest{Org: "ci"})
	if codeOf(err) != protocol.KeystoreUnavailable || !strings.Contains(err.Error(), path+" is not a private key") || f.posts != 1 {
		t.Errorf("a file that is no key: %v, %d requests", err, f.posts)
	}
	write(appKey(t).PEM)
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "ci"}); err != nil || f.posts != 2 {
		t.Errorf("mended: %v, %d requests", err, f.posts)
	}
}

func TestImportUnattended(t *testing.T) {
	t.Parallel()
	f, logins := newFixture(t), storetest.NewMemory()
	f.config.ReadKey = func(string) (secret.Text, error) { return secret.New(appKey(t).PEM), nil }
	login := keystore.Grant{
		Org: "ci", Type: keystore.JWTBearer, LoginURL: "https://acme.my.salesforce.com", ClientID: "test-client-id", Username: "test-user@example.com", PrivateKeyFile: "/keys/test.pem",
	}
	if err := keystore.SaveGrant(t.Context(), logins, login); err != nil {
		t.Fatal(err)
	}
	if err := f.Import(t.Context(), logins, "ci", false); err != nil {
		t.Fatal(err)
	}
	login.StoredAt = start
	if diff := cmp.Diff(login, f.grantOf(t, "ci")); diff != "" {
		t.Error(diff)
	}
}
