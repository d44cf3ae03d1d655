package keystore

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"forcecred/protocol/secret"
	"forcecred/protocol/token"

	"github.com/google/go-cmp/cmp"
)

// memory is a Store that implements only Get and Set.
type memory map[Key][]byte

func (m memory) Set(_ context.Context, key Key, item []byte) error {
	m[key] = item
	return nil
}

func (m memory) Get(_ context.Context, key Key) ([]byte, error) {
	item, ok := m[key]
	if !ok {
		return nil, &Error{Op: "read " + key.String(), Reason: ErrNotFound}
	}
	return item, nil
}

func (m memory) Delete(context.Context, Key) error         { return errors.ErrUnsupported }
func (m memory) List(context.Context, Kind) ([]Key, error) { return nil, errors.ErrUnsupported }
func (m memory) Lock(context.Context, Org) (Lock, error)   { return nil, errors.ErrUnsupported }

func TestItemsRoundTrip(t *testing.T) {
	t.Parallel()
	s, rotates := memory{}, true
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	grant := Grant{
		Org: "prod", Type: JWTBearer, PrivateKey: secret.New("test-private-key"), PrivateKeyFile: "/keys/test.pem", KeyID: "test-key-1", Audience: "https://login.salesforce.com",
		AudienceURL: "https://gs1.salesforce.com", Accepted: Target{LoginURL: "https://test.salesforce.com", Audience: "https://test.salesforce.com"},
		LoginURL: "https://login.salesforce.com", AllowHost: true, Source: Browser, ClientApp: "app", Site: "/partners",
		ClientID: "test-client-id", ClientSecret: secret.New("test-client-secret"), RefreshToken: secret.New("test-refresh-token-1"),
		Username: "me@acme.com", SessionTimeout: 7200, Rotates: &rotates, InstanceURL: "https://acme.my.salesforce.com", StoredAt: now, RefreshedAt: now,
	}
	token := Token{
		Org: "prod", For: DataCloud,
		Token: token.Token{
			AccessToken: secret.New("test-access-token-1"), TokenType: "Bearer", InstanceURL: "https://acme.my.salesforce.com",
			ID: "https://login.salesforce.com/id/00D/005", IssuedAt: "1708058728442", Signature: "c2ln", Scope: "api",
			IDToken: secret.New("test-id-token-1"), SiteURL: "https://acme.my.site.com", SiteID: "0DB", TokenFormat: "jwt",
			APIInstanceURL: "https://api.salesforce.com",
		},
		Expiry: Expiry{RefreshedAt: now, ExpiresAt: now, ExpiresSource: "jwt", SessionLength: 900, LearnedAt: now},
	}
	// A field that is not set here would go untested. protocol/plugin tests the members
	// of the token.
	for _, v := range []any{grant, token, token.Expiry} {
		for field, value := range reflect.ValueOf(v).Fields() {
			if value.IsZero() {
				t.Errorf("%T.%s is not set in this test", v, field.Name)
			}
		}
	}
	if err := errors.Join(SaveGrant(t.Context(), s, grant), SaveToken(t.Context(), s, token)); err != nil {
		t.Fatal(err)
	}
	gotGrant, err := LoadGrant(t.Context(), s, "prod")
	if diff := cmp.Diff(grant, gotGrant); diff != "" || err != nil {
		t.Errorf("grant: %v\n%s", err, diff)
	}
	gotToken, err := LoadTokenFor(t.Context(), s, "prod", DataCloud)
	if diff := cmp.Diff(token, gotToken); diff != "" || err != nil {
		t.Errorf("token: %v\n%s", err, diff)
	}
	for _, v := range []any{grant, token} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"test-client-secret", "test-refresh-token", "test-access-token", "test-id-token", "test-private-key"} {
			if strings.Contains(string(b), secret) {
				t.Errorf("a %T encoded by itself reveals its %s", v, secret)
			}
		}
	}
}

// TestGrantType: an item from before grant types, and one of a newer forcecred.
func TestGrantType(t *testing.T) {
	t.Parallel()
	key := Key{KindGrant, "prod"}
	old, err := DecodeGrant(key, []byte(`{"version":1,"org":"prod","client_id":"test-client-id","refresh_token":"test-refresh-token-1"}`))
	if err != nil || old.Type != RefreshToken {
		t.Errorf("an old item has the type %q: %v", old.Type, err)
	}
	_, err = DecodeGrant(key, []byte(`{"version":1,"org":"prod","grant_type":"later"}`))
	if e, ok := errors.AsType[*Error](err); !ok || e.Reason != ErrCorrupt || e.Remedy.Code != "update_forcecred_newer" {
		t.Errorf("an unknown type: %v", err)
	}
}

func TestLoadRefusesForeignItems(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, item, want string }{
		{"not JSON", "test-refresh-token-raw", "not what forcecred writes"},
		{"wrong type", `{"version":1,"org":"prod","refresh_token":7}`, "not what forcecred writes"},
		{"no version", `{"org":"prod"}`, "no version"},
		{"newer", `{"version":2,"org":"prod"}`, "version 2"},
		{"another org's", `{"version":1,"org":"dev"}`, "another org"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := memory{{KindGrant, "prod"}: []byte(tt.item), {KindToken, "prod"}: []byte(strings.ReplaceAll(tt.item, "refresh", "access"))}
			_, grantErr := LoadGrant(t.Context(), s, "prod")
			_, tokenErr := LoadToken(t.Context(), s, "prod")
			for _, err := range []error{grantErr, tokenErr} {
				if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want ErrCorrupt with %q", err, tt.want)
				}
				if strings.Contains(err.Error(), "test-") {
					t.Error("the error quotes the item")
				}
			}
		})
	}
}

// TestTokenItem checks an item byte for byte, because other versions of forcecred read
// it as well.
func TestTokenItem(t *testing.T) {
	t.Parallel()
	const (
		full = `{"version":1,"org":"prod","for":"data-cloud","token_type":"Bearer","instance_url":"https://acme.my.salesforce.com",` +
			`"id":"https://login.salesforce.com/id/00D/005","issued_at":"1708058728442","signature":"c2ln","scope":"api",` +
			`"sfdc_site_url":"https://acme.my.site.com","sfdc_site_id":"0DB","token_format":"jwt","api_instance_url":"https://api.salesforce.com",` +
			`"refreshed_at":"2026-11-24T10:00:00Z","expires_at":"2026-11-24T10:00:00Z","expires_source":"jwt","session_length":900,` +
			`"learned_at":"2026-11-24T10:00:00Z","access_token":"test-access-token-1","id_token":"test-id-token-1"}`
		least = `{"version":1,"org":"prod","token_type":"Bearer","instance_url":"https://acme.my.salesforce.com",` +
			`"refreshed_at":"2026-11-24T10:00:00Z","expires_at":"2026-11-24T10:00:00Z","expires_source":"jwt","access_token":"test-access-token-1"}`
	)
	for item, kind := range map[string]Kind{full: KindDataCloud, least: KindToken} {
		decoded, err := DecodeToken(Key{kind, "prod"}, []byte(item))
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := EncodeToken(decoded)
		if diff := cmp.Diff(item, string(encoded)); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	}
}

// TestTokenOfAnotherAPI: each API's token has its own item. A token in another API's item is
// ErrCorrupt.
func TestTokenOfAnotherAPI(t *testing.T) {
	t.Parallel()
	s := memory{}
	own, tenants := Token{Org: "prod", Token: token.Token{AccessToken: secret.New("test-access-token-1")}}, Token{Org: "prod", For: DataCloud, Token: token.Token{AccessToken: secret.New("test-access-token-2")}}
	if err := errors.Join(SaveToken(t.Context(), s, own), SaveToken(t.Context(), s, tenants)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []Token{own, tenants} {
		got, err := LoadTokenFor(t.Context(), s, "prod", want.For)
		if diff := cmp.Diff(want, got); diff != "" || err != nil || !got.AccessToken.Equal(want.AccessToken) {
			t.Errorf("for %q: %v\n%s", want.For, err, diff)
		}
	}
	s[own.Key()], s[tenants.Key()] = s[tenants.Key()], s[own.Key()]
	for _, api := range []API{OrgAPI, DataCloud} {
		if got, err := LoadTokenFor(t.Context(), s, "prod", api); !errors.Is(err, ErrCorrupt) || !got.AccessToken.Empty() {
			t.Errorf("for %q, in the other API's item: %v", api, err)
		}
	}
	s[own.Key()] = []byte(`{"version":1,"org":"prod","for":"later","access_token":"test-access-token-3"}`)
	if _, err := LoadToken(t.Context(), s, "prod"); !errors.Is(err, ErrCorrupt) {
		t.Errorf("for an API that is not known: %v", err)
	}
}

func TestParseOrg(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"prod", "P", "0", "me@acme.com", "a.b_c-d+e", strings.Repeat("a", 128)} {
		if org, err := ParseOrg(name); err != nil || string(org) != name {
			t.Errorf("%q is refused: %v", name, err)
		}
	}
	for _, name := range []string{
		"", "-x", ".", "..", ".hidden", "_a", "@a", "+a", "../x", "a/b", `a\b`, "a b", "a\n", "a\x00", "é", "a:b", "a%", strings.Repeat("a", 129),
	} {
		if org, err := ParseOrg(name); err == nil || org != "" {
			t.Errorf("%q is accepted", name)
		}
	}
}

// TestErrorText: an error has its Op, if it has one, and its cause or its Reason.
func TestErrorText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  Error
		want string
	}{
		{Error{Op: "read org/prod", Reason: ErrUnavailable, Err: errors.New("no disk")}, "read org/prod: no disk"},
		{Error{Op: "read org/prod", Reason: ErrNotFound}, "read org/prod: not found"},
		{Error{Reason: ErrUnavailable, Err: errors.New("no disk")}, "no disk"},
		{Error{Reason: ErrNotFound}, "not found"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
