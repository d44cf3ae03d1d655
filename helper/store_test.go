package helper

import (
	"testing"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/secret"

	"github.com/google/go-cmp/cmp"
)

var request = protocol.StoreRequest{
	Org: "dev", LoginURL: "https://Acme--dev.sandbox.my.salesforce.com/", Site: "/partners/", ClientID: "test-client-id",
	ClientSecret: secret.New("test-client-secret"), RefreshToken: secret.New("test-refresh-token-0"), Username: "me@acme.com", SessionTimeout: time.Hour,
}

func TestStore(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if err := f.Store(t.Context(), request, false); err != nil {
		t.Fatal(err)
	}
	want := keystore.Grant{
		Org: "dev", Type: keystore.RefreshToken, LoginURL: "https://acme--dev.sandbox.my.salesforce.com", Site: "/partners", ClientID: "test-client-id",
		ClientSecret: request.ClientSecret, RefreshToken: request.RefreshToken, Username: "me@acme.com", SessionTimeout: 3600, StoredAt: start,
	}
	if diff := cmp.Diff(want, f.grantOf(t, "dev")); diff != "" {
		t.Error(diff)
	}
	if f.posts != 0 {
		t.Error("a store went to the network")
	}

	auth := protocol.StoreRequest{Org: "url", SFDXAuthURL: secret.New("force://PlatformCLI::test-refresh-token@acme.my.salesforce.com")}
	if err := f.Store(t.Context(), auth, false); err != nil {
		t.Fatal(err)
	}
	if g := f.grantOf(t, "url"); g.ClientID != "PlatformCLI" || !g.ClientSecret.Empty() || g.LoginURL != "https://acme.my.salesforce.com" {
		t.Error("the auth URL was not understood")
	}
}

func TestStoreDeletesTheOldToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil {
		t.Fatal(err)
	}
	again := request
	again.Org = "prod"
	if err := f.Store(t.Context(), again, false); err != nil {
		t.Fatal(err)
	}
	if c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil || tokenOf(c) != "test-access-token-2" {
		t.Errorf("the old grant's token answers for the new one: %v", err)
	}
}

func TestStoreVerifies(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
		return salesforce.Answer{}, &salesforce.Error{Reason: salesforce.GrantDead, Status: 400}
	}
	if err := f.Store(t.Context(), request, true); codeOf(err) != protocol.SignInAgain {
		t.Errorf("got %v", err)
	}
	if !f.isAbsent(t.Context(), keystore.Key{Kind: keystore.KindGrant, Org: "dev"}) {
		t.Error("a refused grant was stored")
	}
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), nil }
	if err := f.Store(t.Context(), request, true); err != nil {
		t.Fatal(err)
	}
	if f.grantOf(t, "dev").RefreshToken.Reveal() != "test-refresh-token-2" {
		t.Error("the refresh token that verifying rotated was not stored")
	}
	if c, err := f.Get(t.Context(), protocol.GetRequest{Org: "dev"}); err != nil || f.posts != 2 || tokenOf(c) != "test-access-token-2" {
		t.Errorf("the token that verifying got is not cached: %v", err)
	}
}

func TestStoreRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*protocol.StoreRequest){
		"name":                            func(r *protocol.StoreRequest) { r.Org = "-x" },
		"http":                            func(r *protocol.StoreRequest) { r.LoginURL = "http://login.salesforce.com" },
		"host":                            func(r *protocol.StoreRequest) { r.LoginURL = "https://login.example.com" },
		"site":                            func(r *protocol.StoreRequest) { r.Site = "partners" },
		"auth URL":                        func(r *protocol.StoreRequest) { r.SFDXAuthURL = secret.New("force://test-refresh-token@host") },
		"refresh token with a line end":   func(r *protocol.StoreRequest) { r.RefreshToken = secret.New("test-refresh-token-0\n") },
		"client secret with a space":      func(r *protocol.StoreRequest) { r.ClientSecret = secret.New("test-client-secret ") },
		"client id with a mark":           func(r *protocol.StoreRequest) { r.ClientID = "\ufefftest-client-id" },
		"placeholder for a client secret": func(r *protocol.StoreRequest) { r.ClientSecret = secret.New("***") },
	} {
		f, r := newFixture(t), request
		change(&r)
		if err := f.Store(t.Context(), r, false); codeOf(err) != protocol.BadRequest {
			t.Errorf("%s: got %v", name, err)
		}
		if !f.isAbsent(t.Context(), keystore.Key{Kind: keystore.KindGrant, Org: "dev"}) {
			t.Errorf("%s: it was stored", name)
		}
	}
}

func TestErase(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	token, grant := keystore.Key{Kind: keystore.KindToken, Org: "prod"}, keystore.Key{Kind: keystore.KindGrant, Org: "prod"}
	for _, step := range []struct {
		name               string
		req                protocol.EraseRequest
		tokenGone, allGone bool
	}{
		{"another token rejected", protocol.EraseRequest{Org: "prod", RejectedToken: secret.New("other")}, false, false},
		{"this token rejected", protocol.EraseRequest{Org: "prod", RejectedToken: c.AccessToken}, true, false},
		{"any token dropped where there is none", protocol.EraseRequest{Org: "prod", CachedToken: true}, true, false},
		{"erased", protocol.EraseRequest{Org: "prod"}, true, true},
		{"erased twice", protocol.EraseRequest{Org: "prod"}, true, true},
	} {
		if err := f.Erase(t.Context(), step.req); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		if f.isAbsent(t.Context(), token) != step.tokenGone || f.isAbsent(t.Context(), grant) != step.allGone {
			t.Errorf("%s: token gone %v, grant gone %v", step.name, f.isAbsent(t.Context(), token), f.isAbsent(t.Context(), grant))
		}
	}
	g := newFixture(t)
	if _, err := g.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil {
		t.Fatal(err)
	}
	if err := g.Erase(t.Context(), protocol.EraseRequest{Org: "prod", CachedToken: true}); err != nil || !g.isAbsent(t.Context(), token) || g.isAbsent(t.Context(), grant) {
		t.Errorf("any token dropped: %v, token gone %v, grant gone %v", err, g.isAbsent(t.Context(), token), g.isAbsent(t.Context(), grant))
	}
	f.store.Fault = func(op string, _ keystore.Key) error {
		if op == "lock" {
			t.Error("a lock was taken for an org that is not there")
		}
		return nil
	}
	if err := f.Erase(t.Context(), protocol.EraseRequest{Org: "nosuch"}); err != nil {
		t.Error(err)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if err := f.Store(t.Context(), request, false); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil {
		t.Fatal(err)
	}
	f.put(t, keystore.Key{Kind: keystore.KindGrant, Org: "bad"}, []byte("garbage"))
	got, err := f.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	off := false
	want := []protocol.ListedOrg{
		{Org: "bad"},
		{Org: "dev", Username: "me@acme.com", LoginURL: "https://acme--dev.sandbox.my.salesforce.com", Site: "/partners", ClientID: "test-client-id", GrantType: "refresh_token", StoredAt: start},
		{
			Org: "prod", LoginURL: "https://login.salesforce.com", ClientID: "test-client-id", GrantType: "refresh_token", InstanceURL: "https://acme.my.salesforce.com",
			OrgID: "00D000000000001AAA", UserID: "005000000000001AAA", Rotates: &off, TokenExpiresAt: start.Add(2 * time.Hour), RefreshedAt: start,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(f.warnings) != 1 {
		t.Errorf("warnings %q", f.warnings)
	}
}
