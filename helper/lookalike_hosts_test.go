package helper

import (
	"strings"
	"testing"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// lookalikes are spellings that case folding, IDNA or %XX turns into an org's host, or that
// some programs read as loopback.
var lookalikes = []string{
	"https://acme.my.s\u0130te.com", "https://acme.my.s%C4%B0te.com", "https://\u212aiosk.my.site.com", "https://acme.my.\u017fite.com",
	"https://acme\u3002my.site.com", "https://\uff41cme.my.site.com", "https://ac\u00adme.my.site.com", "https://%41cme.my.site.com",
	"https://acme.my.site.com.", "https://acme_.my.site.com", "https://127.1", "https://0177.0.0.1", "https://0x7f.1", "https://2130706433", "https://[::1%25lo]",
}

// TestLookalikesAreNotStored: Store refuses them as a login URL and in an sfdx auth URL, with
// and without allow_host.
func TestLookalikesAreNotStored(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, url := range lookalikes {
		auth := secret.New("force://PlatformCLI::test-refresh-token@" + strings.TrimPrefix(url, "https://"))
		for _, req := range []protocol.StoreRequest{
			{Org: "dev", LoginURL: url, ClientID: "test-client-id", RefreshToken: secret.New("test-refresh-token")},
			{Org: "dev", LoginURL: url, AllowHost: true, ClientID: "test-client-id", RefreshToken: secret.New("test-refresh-token")},
			{Org: "dev", SFDXAuthURL: auth, AllowHost: true},
		} {
			if err := f.Store(t.Context(), req, false); codeOf(err) != protocol.BadRequest || !strings.Contains(err.Error(), "login_url") || strings.Contains(err.Error(), url) {
				t.Errorf("%q: %v", url, err)
			}
		}
		login := protocol.StoreRequest{Org: "dev", LoginURL: url, ClientID: "test-client-id", AllowHost: true}
		if _, err := f.Login(t.Context(), login, "", nil); codeOf(err) != protocol.BadRequest {
			t.Errorf("login at %q: %v", url, err)
		}
	}
	if !f.isAbsent(t.Context(), keystore.Key{Kind: keystore.KindGrant, Org: "dev"}) || f.posts != 0 {
		t.Error("something was stored, or sent")
	}
}

// TestOldSpellings: a URL that was stored in another spelling works. List shows its normal
// form, and the next refresh stores that.
func TestOldSpellings(t *testing.T) {
	t.Parallel()
	const normal = "https://acme.my.salesforce.com"
	f := newFixture(t)
	doesNot := false
	f.storeGrant(t, keystore.Grant{
		Org: "old", LoginURL: "HTTPS://Acme.My.Salesforce.com:443/", InstanceURL: "https://ACME.my.salesforce.com", Rotates: &doesNot,
		ClientID: "test-client-id", RefreshToken: secret.New("test-refresh-token"),
	})
	old := newToken("old", answer(1), f.now)
	old.InstanceURL, old.APIInstanceURL, old.ExpiresAt = "https://Acme.my.salesforce.com", "https://API.salesforce.com/", f.now.Add(90*time.Minute)
	if err := keystore.SaveToken(t.Context(), f.store, old); err != nil {
		t.Fatal(err)
	}
	if org, err := f.Find(t.Context(), normal, ""); org != "old" || err != nil {
		t.Errorf("found %q, %v", org, err)
	}
	c, err := f.GetAt(t.Context(), normal, protocol.GetRequest{Org: "old"})
	if err != nil || f.posts != 0 || c.InstanceURL != normal || c.APIInstanceURL != "https://api.salesforce.com" {
		t.Errorf("the cached token: %d requests, %+v, %v", f.posts, c, err)
	}
	orgs, err := f.List(t.Context())
	if err != nil || len(orgs) != 2 || orgs[0].LoginURL != normal || orgs[0].InstanceURL != normal {
		t.Errorf("listed as %+v, %v", orgs, err)
	}
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "old", Force: true}); err != nil || f.posts != 1 {
		t.Errorf("%d requests, %v", f.posts, err)
	}
	if g := f.grantOf(t, "old"); g.InstanceURL != normal {
		t.Errorf("the refresh has stored %q", g.InstanceURL)
	}
}

// TestForeignInstancesOfOldVersions: old versions trusted more hosts. Find ignores a foreign
// instance that one of them stored, and Get does not return a token for a foreign host.
func TestForeignInstancesOfOldVersions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, g := range []keystore.Grant{
		{Org: "prod", LoginURL: "https://localhost:8443", InstanceURL: "https://evil.test"},
		{Org: "own", LoginURL: "https://login.acme.example", AllowHost: true, InstanceURL: "https://evil.test"},
		{Org: "lookalike", LoginURL: "https://acme.my.salesforce.com", InstanceURL: "https://acme.my.s\u0130te.com"},
		{Org: "damaged", LoginURL: "https://acme.my.s\u0130te.com", AllowHost: true, InstanceURL: "https://evil.test"},
	} {
		g.ClientID, g.RefreshToken = "test-client-id", secret.New("test-refresh-token")
		f.storeGrant(t, g)
	}
	for _, place := range []string{"https://evil.test", "https://acme.my.site.com", "https://acme.my.xn--site-rwc.com"} {
		if org, err := f.Find(t.Context(), place, ""); codeOf(err) != protocol.OrgNotFound {
			t.Errorf("%s is of %q, %v", place, org, err)
		}
	}
	orgs, err := f.List(t.Context())
	if err != nil || orgs[0].Org != "damaged" || orgs[0].LoginURL != "https://acme.my.s\u0130te.com" || orgs[1].InstanceURL != "" {
		t.Errorf("listed as %+v, %v", orgs, err)
	}
	for _, url := range append(lookalikes, "", "http://acme.my.salesforce.com", "https://acme.my.salesforce.com/path") {
		cached := newToken("prod", answer(0), f.now)
		cached.InstanceURL, cached.ExpiresAt = url, f.now.Add(90*time.Minute)
		if err := keystore.SaveToken(t.Context(), f.store, cached); err != nil {
			t.Fatal(err)
		}
		if c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil || tokenOf(c) == "test-access-token-0" || c.InstanceURL != "https://acme.my.salesforce.com" {
			t.Errorf("%q: %s at %q, %v", url, tokenOf(c), c.InstanceURL, err)
		}
	}
}

// TestForeignSite: a refresh warns once about a foreign site in its answer.
func TestForeignSite(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
		a := answer(f.posts)
		a.Foreign = []string{"sfdc_site_url"}
		return a, nil
	}
	c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"})
	if err != nil || c.SiteURL != "" || len(f.warnings) != 1 || !strings.Contains(f.warnings[0], `sfdc_site_url of "prod"`) {
		t.Errorf("%v: %q", err, f.warnings)
	}
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil || len(f.warnings) != 1 {
		t.Errorf("a cached answer: %v, %q", err, f.warnings)
	}
}
