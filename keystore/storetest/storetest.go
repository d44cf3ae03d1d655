// Package storetest is the conformance suite that every keystore.Store passes.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"forcecred/keystore"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"

	"github.com/google/go-cmp/cmp"
)

// Run checks what [keystore.Store] promises. It calls open for each test. open returns two
// handles of one empty store, as two processes have them. No failure prints an item.
func Run(t *testing.T, open func(t *testing.T) (first, second keystore.Store)) {
	for _, tt := range []struct {
		name string
		test func(t *testing.T, first, second keystore.Store)
	}{
		{"an empty store", testEmpty},
		{"set, get, replace, delete", testSetGetDelete},
		{"items of any bytes", testAnyBytes},
		{"list", testList},
		{"names", testNames},
		{"invalid keys", testInvalidKeys},
		{"an ended context", testEndedContext},
		{"grants and tokens", testGrantsAndTokens},
		{"concurrent writers", testConcurrent},
		{"lock", testLock},
		{"lock counts", testLockCounts},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			first, second := open(t)
			tt.test(t, first, second)
		})
	}
}

func grantKey(org keystore.Org) keystore.Key { return keystore.Key{Kind: keystore.KindGrant, Org: org} }
func tokenKey(org keystore.Org) keystore.Key { return keystore.Key{Kind: keystore.KindToken, Org: org} }

func set(t *testing.T, s keystore.Store, key keystore.Key, item []byte) {
	t.Helper()
	if err := s.Set(t.Context(), key, item); err != nil {
		t.Fatalf("set %s: %v", key, err)
	}
}

// want fails unless the item under key is item.
func want(t *testing.T, s keystore.Store, key keystore.Key, item []byte) {
	t.Helper()
	got, err := s.Get(t.Context(), key)
	switch {
	case err != nil:
		t.Errorf("get %s: %v", key, err)
	case !bytes.Equal(got, item):
		t.Errorf("get %s: got another item: %d bytes, want %d", key, len(got), len(item))
	}
}

func wantNotFound(t *testing.T, s keystore.Store, key keystore.Key) {
	t.Helper()
	got, err := s.Get(t.Context(), key)
	if !errors.Is(err, keystore.ErrNotFound) || got != nil {
		t.Errorf("get %s: got %d bytes and error %v, want ErrNotFound alone", key, len(got), err)
	}
	if fault, ok := errors.AsType[*keystore.Error](err); !ok || !strings.Contains(fault.Op, key.String()) {
		t.Errorf("get %s: %v is not a *keystore.Error that names the key", key, err)
	}
}

func wantKeys(t *testing.T, s keystore.Store, kind keystore.Kind, orgs ...keystore.Org) {
	t.Helper()
	keys, err := s.List(t.Context(), kind)
	if err != nil {
		t.Fatalf("keys of %q: %v", kind, err)
	}
	var got []keystore.Org
	for _, key := range keys {
		if key.Kind != kind {
			t.Errorf("keys of %q: got %s", kind, key)
		}
		got = append(got, key.Org)
	}
	slices.Sort(got)
	slices.Sort(orgs)
	if diff := cmp.Diff(orgs, got); diff != "" {
		t.Errorf("keys of %q (-want +got):\n%s", kind, diff)
	}
}

func testEmpty(t *testing.T, first, _ keystore.Store) {
	wantNotFound(t, first, grantKey("prod"))
	wantKeys(t, first, keystore.KindGrant)
	if err := first.Delete(t.Context(), grantKey("prod")); err != nil {
		t.Errorf("delete a missing item: %v", err)
	}
}

func testSetGetDelete(t *testing.T, first, second keystore.Store) {
	key := grantKey("prod")
	set(t, first, key, []byte("test-refresh-token-1"))
	want(t, first, key, []byte("test-refresh-token-1"))
	want(t, second, key, []byte("test-refresh-token-1"))

	set(t, second, key, []byte("test-refresh-token-2-longer"))
	want(t, first, key, []byte("test-refresh-token-2-longer"))
	set(t, first, key, []byte("short"))
	want(t, second, key, []byte("short"))

	set(t, first, grantKey("dev"), []byte("test-refresh-token-dev"))
	for range 2 { // the second time, the item is missing
		if err := second.Delete(t.Context(), key); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	wantNotFound(t, first, key)
	wantNotFound(t, second, key)
	want(t, first, grantKey("dev"), []byte("test-refresh-token-dev"))
	set(t, first, key, []byte("test-refresh-token-3"))
	want(t, second, key, []byte("test-refresh-token-3"))
}

func testAnyBytes(t *testing.T, first, second keystore.Store) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, tt := range []struct {
		name string
		item []byte
	}{
		{"empty", []byte{}},
		{"nil", nil},
		{"one line break", []byte("\n")},
		{"every byte", every},
		{"not UTF-8", []byte("\xff\xfe\xc3\x28")},
		{"large", bytes.Repeat(every, 260)}, // 65 KiB
	} {
		t.Run(tt.name, func(t *testing.T) {
			given := bytes.Clone(tt.item)
			set(t, first, tokenKey("prod"), given)
			if !bytes.Equal(given, tt.item) {
				t.Error("set changed the caller's item")
			}
			want(t, second, tokenKey("prod"), tt.item)
			want(t, first, tokenKey("prod"), tt.item)
		})
	}
}

func testList(t *testing.T, first, second keystore.Store) {
	set(t, first, grantKey("prod"), []byte("test-grant-prod"))
	set(t, first, grantKey("dev"), []byte("test-grant-dev"))
	set(t, second, tokenKey("prod"), []byte("test-token-prod"))
	wantKeys(t, second, keystore.KindGrant, "prod", "dev")
	wantKeys(t, first, keystore.KindToken, "prod")

	want(t, first, grantKey("prod"), []byte("test-grant-prod"))
	want(t, first, tokenKey("prod"), []byte("test-token-prod"))
	wantNotFound(t, first, tokenKey("dev"))

	if err := first.Delete(t.Context(), grantKey("prod")); err != nil {
		t.Fatalf("delete: %v", err)
	}
	wantKeys(t, second, keystore.KindGrant, "dev")
	wantKeys(t, second, keystore.KindToken, "prod")
}

func testNames(t *testing.T, first, second keystore.Store) {
	orgs := []keystore.Org{
		"prod", "Prod", "PROD", "pROD", "prod.age", "org", "token", "token.prod", "org.prod", "a", "A", "0",
		"me@acme.com", "Me@acme.com", "a..b", "a.", "a_b-c+d@e.f", "con", "nul.txt", "a-1",
		keystore.Org(strings.Repeat("z", 128)),
		keystore.Org(strings.Repeat("Z", 128)),
		keystore.Org(strings.Repeat("z", 127) + "Z"),
	}
	for _, org := range orgs {
		set(t, first, grantKey(org), []byte("test-grant-"+org))
	}
	for _, org := range orgs {
		want(t, second, grantKey(org), []byte("test-grant-"+org))
		wantNotFound(t, first, tokenKey(org))
	}
	wantKeys(t, first, keystore.KindGrant, orgs...)
	if err := first.Delete(t.Context(), grantKey("Prod")); err != nil {
		t.Fatalf("delete: %v", err)
	}
	wantNotFound(t, second, grantKey("Prod"))
	want(t, second, grantKey("prod"), []byte("test-grant-prod"))
}

func testInvalidKeys(t *testing.T, first, _ keystore.Store) {
	wantError := func(operation string, err error) {
		t.Helper()
		if _, ok := errors.AsType[*keystore.Error](err); !ok || errors.Is(err, keystore.ErrNotFound) {
			t.Errorf("%s: got %v, want a *keystore.Error other than ErrNotFound", operation, err)
		}
	}
	for _, key := range []keystore.Key{
		grantKey(""), grantKey("../x"), grantKey(".."), grantKey("."), grantKey("/x"), grantKey(`a\b`), grantKey("a\x00"), grantKey("a\n"),
		grantKey("-x"), grantKey("a b"), grantKey("a:b"), grantKey("a%2fb"), grantKey("é"), grantKey(keystore.Org(strings.Repeat("a", 129))),
		{Kind: "", Org: "prod"}, {Kind: "../org", Org: "prod"}, {Kind: "a.b", Org: "prod"}, {Kind: "a/b", Org: "prod"}, {Kind: "a\x00", Org: "prod"},
	} {
		name := fmt.Sprintf("%q", key.String())
		got, err := first.Get(t.Context(), key)
		wantError("get "+name, err)
		if got != nil {
			t.Errorf("get %s returns an item of %d bytes", name, len(got))
		}
		wantError("set "+name, first.Set(t.Context(), key, []byte("test-refresh-token-1")))
		wantError("delete "+name, first.Delete(t.Context(), key))
		if key.Kind == keystore.KindGrant {
			_, err = first.Lock(t.Context(), key.Org)
			wantError("lock "+name, err)
		} else {
			_, err = first.List(t.Context(), key.Kind)
			wantError("keys of "+name, err)
		}
	}
	wantKeys(t, first, keystore.KindGrant)
}

func testEndedContext(t *testing.T, first, second keystore.Store) {
	set(t, first, grantKey("prod"), []byte("test-refresh-token-1"))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	wantError := func(operation string, err error) {
		t.Helper()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context.Canceled", operation, err)
		}
	}
	_, err := first.Get(ended, grantKey("prod"))
	wantError("get", err)
	wantError("set", first.Set(ended, grantKey("prod"), []byte("test-refresh-token-2")))
	wantError("delete", first.Delete(ended, grantKey("prod")))
	_, err = first.List(ended, keystore.KindGrant)
	wantError("list", err)
	_, err = first.Lock(ended, "prod")
	wantError("lock", err)
	want(t, second, grantKey("prod"), []byte("test-refresh-token-1"))
}

// pemSize is more than an RSA key of 4,096 bits has in PEM, 3,272 bytes.
const pemSize = 3400

func testGrantsAndTokens(t *testing.T, first, second keystore.Store) {
	rotates, now := true, time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	grant := keystore.Grant{
		Org: "Prod", Type: keystore.RefreshToken, LoginURL: "https://login.salesforce.com", ClientID: "test-client-id", ClientSecret: secret.New("test-client-secret"),
		RefreshToken: secret.New("test-refresh-token-1"), Rotates: &rotates, StoredAt: now,
	}
	token := keystore.Token{
		Org:    "Prod",
		Token:  token.Token{AccessToken: secret.New("test-access-token-1"), InstanceURL: "https://acme.my.salesforce.com"},
		Expiry: keystore.Expiry{RefreshedAt: now, ExpiresAt: now, ExpiresSource: "jwt"},
	}
	signs := keystore.Grant{
		Org: "ci", Type: keystore.JWTBearer, LoginURL: "https://acme.my.salesforce.com", ClientID: "test-client-id", Username: "test-user@example.com",
		PrivateKey: secret.New("-----BEGIN PRIVATE KEY-----\n" + strings.Repeat("test-private-key\n", pemSize/17) + "-----END PRIVATE KEY-----\n"), StoredAt: now,
	}
	for _, g := range []keystore.Grant{grant, signs} {
		if err := keystore.SaveGrant(t.Context(), first, g); err != nil {
			t.Fatal(err)
		}
		got, err := keystore.LoadGrant(t.Context(), second, g.Org)
		if diff := cmp.Diff(g, got); diff != "" || err != nil || !got.PrivateKey.Equal(g.PrivateKey) {
			t.Errorf("grant: %v\n%s", err, diff)
		}
	}
	tenants := token
	tenants.For, tenants.AccessToken = keystore.DataCloud, secret.New("test-data-cloud-token-1")
	for _, want := range []keystore.Token{token, tenants} {
		if err := keystore.SaveToken(t.Context(), first, want); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []keystore.Token{token, tenants} {
		got, err := keystore.LoadTokenFor(t.Context(), second, "Prod", want.For)
		if diff := cmp.Diff(want, got); diff != "" || err != nil || !got.AccessToken.Equal(want.AccessToken) {
			t.Errorf("token for %q: %v\n%s", want.For, err, diff)
		}
	}
	wantKeys(t, second, keystore.KindDataCloud, "Prod")
	if _, err := keystore.LoadGrant(t.Context(), second, "prod"); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("a name in another case: got %v, want ErrNotFound", err)
	}
}
