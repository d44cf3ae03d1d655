package helper

import (
	"errors"
	"testing"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

func TestFind(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	keep := func(org keystore.Org, loginURL, username string) {
		f.storeGrant(t, keystore.Grant{Org: org, LoginURL: loginURL, Username: username, ClientID: "test-client-id", RefreshToken: secret.New("test-refresh-token")})
	}
	keep("dev", "https://acme--dev.sandbox.my.salesforce.com", "dev@acme.com")
	keep("admin", "https://acme--dev.sandbox.my.salesforce.com", "admin@acme.com")
	keep("local", "https://localhost:8443", "")
	f.put(t, keystore.Key{Kind: keystore.KindGrant, Org: "damaged"}, []byte("{"))
	find := func(place string, name, want string, wantCode protocol.Code) {
		t.Helper()
		got, err := f.Find(t.Context(), place, name)
		e := (*protocol.Error)(nil)
		if errors.As(err, &e); got != want || (e == nil) != (wantCode == "") || e != nil && e.Code != wantCode {
			t.Errorf("at %s, %q: %q, %v", place, name, got, err)
		}
	}
	find("https://acme.my.salesforce.com", "", "", protocol.OrgNotFound) // nobody knows yet that it is prod's
	find("https://login.salesforce.com", "", "prod", "")
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil {
		t.Fatal(err)
	}
	find("https://acme.my.salesforce.com", "", "prod", "")
	find("https://acme.my.salesforce.com", "prod", "prod", "")
	find("https://acme.my.salesforce.com", "dev", "", protocol.OrgNotFound)
	find("https://acme.my.salesforce.com:8443", "", "", protocol.OrgNotFound)
	find("https://acme.my.salesforce.com.evil.test", "", "", protocol.OrgNotFound)
	find("https://localhost:8443", "", "local", "")
	find("https://localhost", "", "", protocol.OrgNotFound)
	find("https://acme--dev.sandbox.my.salesforce.com", "", "", protocol.BadRequest)
	find("https://acme--dev.sandbox.my.salesforce.com", "admin@acme.com", "admin", "")
	find("https://acme--dev.sandbox.my.salesforce.com", "dev", "dev", "")
	find("https://acme--dev.sandbox.my.salesforce.com", "nobody", "", protocol.OrgNotFound)

	// The instance is known without the cached token, and changes with the org.
	if err := f.Erase(t.Context(), protocol.EraseRequest{Org: "prod", RejectedToken: secret.New("00Dxx!test-access-token-1")}); err != nil {
		t.Fatal(err)
	}
	find("https://acme.my.salesforce.com", "", "prod", "")
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
		a := answer(2)
		a.InstanceURL = "https://acme-new.my.salesforce.com"
		return a, nil
	}
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil {
		t.Fatal(err)
	}
	find("https://acme-new.my.salesforce.com", "", "prod", "")
	find("https://acme.my.salesforce.com", "", "", protocol.OrgNotFound)
}

// TestGetAt: an org may get another instance between Find and the answer. Its token does not
// go to the old one.
func TestGetAt(t *testing.T) {
	t.Parallel()
	const host, old, moved = "https://login.salesforce.com", "https://acme.my.salesforce.com", "https://acme-new.my.salesforce.com"
	f := newFixture(t)
	get := func(place string, force bool, want string, wantCode protocol.Code) {
		t.Helper()
		c, err := f.GetAt(t.Context(), place, protocol.GetRequest{Org: "prod", Force: force})
		if codeOf(err) != wantCode || tokenOf(c) != want {
			t.Errorf("at %s: %q, %v", place, tokenOf(c), err)
		}
	}
	get(host, false, "test-access-token-1", "")
	get(old, false, "test-access-token-1", "")
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
		a := answer(f.posts)
		a.InstanceURL = moved
		return a, nil
	}
	f.store.Fault = func(op string, key keystore.Key) error {
		if op == "set" && key.Kind == keystore.KindGrant {
			return &keystore.Error{Op: op, Reason: keystore.ErrUnavailable} // so the grant does not get the new instance
		}
		return nil
	}
	get(old, true, "", protocol.OrgNotFound)
	get(old, false, "", protocol.OrgNotFound)
	f.store.Fault = nil
	get(moved, false, "test-access-token-2", "")
	get(host, false, "test-access-token-2", "")

	// Another org got the name after Find.
	f.storeGrant(t, keystore.Grant{Org: "prod", LoginURL: "https://localhost:8443", ClientID: "test-client-id", RefreshToken: secret.New("test-refresh-token")})
	get(host, true, "", protocol.OrgNotFound)
	get("https://localhost:8443", false, "test-access-token-3", "")
}
