package helper

import (
	"strings"
	"testing"

	"forcecred/keystore"
	"forcecred/keystore/storetest"
	"forcecred/protocol"
	"forcecred/protocol/secret"

	"github.com/google/go-cmp/cmp"
)

func TestImport(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	logins := storetest.NewMemory()
	rotates := true
	still := keystore.Grant{Org: "still", Type: keystore.RefreshToken, LoginURL: "https://acme.my.salesforce.com", ClientID: "PlatformCLI", RefreshToken: secret.New("test-refresh-token-still")}
	turning, foreign, known := still, still, still
	turning.Org, turning.Rotates = "turning", &rotates
	foreign.Org, foreign.LoginURL = "foreign", "https://evil.example"
	known.Org = "prod"
	for _, g := range []keystore.Grant{still, turning, foreign, known} {
		if err := keystore.SaveGrant(t.Context(), logins, g); err != nil {
			t.Fatal(err)
		}
	}
	before := f.grantOf(t, "prod")
	for _, tt := range []struct {
		org  string
		code protocol.Code
		text string
	}{
		{"turning", protocol.BadRequest, "two programs cannot share the login"},
		{"foreign", protocol.BadRequest, "does not name a Salesforce host"},
		{"prod", protocol.BadRequest, "has an org of that name"},
		{"nosuch", protocol.OrgNotFound, "no such login"},
		{"a b", protocol.BadRequest, "character"},
	} {
		if err := f.Import(t.Context(), logins, tt.org, false); codeOf(err) != tt.code || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: got %v", tt.org, err)
		}
	}
	if diff := cmp.Diff(before, f.grantOf(t, "prod")); diff != "" {
		t.Error(diff)
	}
	if err := f.Import(t.Context(), logins, "still", false); err != nil {
		t.Fatal(err)
	}
	if err := f.Import(t.Context(), logins, "turning", true); err != nil {
		t.Fatal(err)
	}
	still.StoredAt = start
	if diff := cmp.Diff(still, f.grantOf(t, "still")); diff != "" {
		t.Error(diff)
	}
	if f.posts != 0 {
		t.Error("a copy went to the network")
	}
}
