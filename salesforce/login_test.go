package salesforce

import (
	"strings"
	"testing"
)

func TestParseLogin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		url, site string
		allowHost bool
		endpoint  string
	}{
		{"https://login.salesforce.com", "", false, "https://login.salesforce.com/services/oauth2/token"},
		{"https://test.salesforce.com/", "", false, "https://test.salesforce.com/services/oauth2/token"},
		{"https://Acme.My.Salesforce.com", "", false, "https://acme.my.salesforce.com/services/oauth2/token"},
		{"https://acme--dev.sandbox.my.salesforce.com", "", false, "https://acme--dev.sandbox.my.salesforce.com/services/oauth2/token"},
		{"https://acme.my.site.com", "/partners", false, "https://acme.my.site.com/partners/services/oauth2/token"},
		{"https://acme.force.com", "/a/b/", false, "https://acme.force.com/a/b/services/oauth2/token"},
		{"https://acme.my.salesforce.mil", "", false, "https://acme.my.salesforce.mil/services/oauth2/token"},
		{"https://acme.my.sfcrmproducts.cn", "/", false, "https://acme.my.sfcrmproducts.cn/services/oauth2/token"},
		{"https://localhost:8443", "", false, "https://localhost:8443/services/oauth2/token"},
		{"https://127.0.0.1:1", "", false, "https://127.0.0.1:1/services/oauth2/token"},
		{"https://[::1]:8443", "", false, "https://[::1]:8443/services/oauth2/token"},
		{"https://login.acme.com", "", true, "https://login.acme.com/services/oauth2/token"},
		{"https://portal.acme.com:8443", "/crm", true, "https://portal.acme.com:8443/crm/services/oauth2/token"},
	} {
		login, err := ParseLogin(tt.url, tt.site, tt.allowHost)
		if err != nil {
			t.Errorf("%s is refused: %v", tt.url, err)
			continue
		}
		if got := login.Endpoint("token"); got != tt.endpoint {
			t.Errorf("%s: got %s, want %s", tt.url, got, tt.endpoint)
		}
		if again, err := ParseLogin(login.URL(), login.Site(), tt.allowHost); err != nil || again != login {
			t.Errorf("%s does not survive being stored: %v", tt.url, err)
		}
	}
}

func TestParseLoginRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, url, site string
		want            string
	}{
		{"http", "http://login.salesforce.com", "", "not an https URL"},
		{"no scheme", "login.salesforce.com", "", "not an https URL"},
		{"empty", "", "", "not an https URL"},
		{"another host", "https://login.example.com", "", "not name a host of Salesforce's"},
		{"look-alike suffix", "https://evilsalesforce.com", "", "not name a host of Salesforce's"},
		{"look-alike prefix", "https://login.salesforce.com.evil.example", "", "not name a host of Salesforce's"},
		{"the bare domain", "https://salesforce.com", "", "not name a host of Salesforce's"},
		{"address", "https://10.0.0.1", "", "not name a host of Salesforce's"},
		{"port", "https://login.salesforce.com:8443", "", "has a port"},
		{"https's own port", "https://login.salesforce.com:443", "", "has a port"},
		{"empty port", "https://login.salesforce.com:", "", "colon but no port"},
		{"user", "https://user@login.salesforce.com", "", "user or password"},
		{"password", "https://login.salesforce.com:pw@evil.example", "", "user or password"},
		{"path", "https://login.salesforce.com/path", "", "has a path"},
		{"query", "https://login.salesforce.com?a=b", "", "query or a fragment"},
		{"empty query", "https://login.salesforce.com/?", "", "query or a fragment"},
		{"fragment", "https://login.salesforce.com#f", "", "query or a fragment"},
		{"empty fragment", "https://login.salesforce.com#", "", "query or a fragment"},
		{"space", " https://login.salesforce.com", "", "not a URL"},
		{"newline", "https://login.salesforce.com\n", "", "not a URL"},
		{"cyrillic a", "https://login.s\u0430lesforce.com", "", "no valid host name"},
		{"trailing dot", "https://login.salesforce.com.", "", "no valid host name"},
		{"escaped", "https://login%2esalesforce.com", "", "not a URL"},
		{"backslash", `https://login.salesforce.com\@evil.example`, "", "not a URL"},
		{"zone", "https://[::1%25eth0]", "", "no valid host name"},
		{"lightning", "https://acme.lightning.force.com", "", "Lightning page host"},
		{"site without slash", "https://acme.my.site.com", "partners", "begin with a slash"},
		{"site with dots", "https://acme.my.site.com", "/../x", "not the path"},
		{"site with query", "https://acme.my.site.com", "/x?y", "not the path"},
		{"site with double slash", "https://acme.my.site.com", "//evil.example", "not the path"},
		{"site escaped", "https://acme.my.site.com", "/%2e%2e", "not the path"},
		{"long site", "https://acme.my.site.com", "/" + strings.Repeat("a", 255), "longer than"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseLogin(tt.url, tt.site, false)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := ParseLogin("https://user@login.acme.com", "", true); err == nil {
		t.Error("allow_host allows more than a host")
	}
}

func TestInstanceURL(t *testing.T) {
	t.Parallel()
	real, err := ParseLogin(DefaultLoginURL, "", false)
	if err != nil {
		t.Fatal(err)
	}
	local, err := ParseLogin("https://localhost:8443", "", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		login     Login
		raw, want string
	}{
		{real, "https://acme.my.salesforce.com", "https://acme.my.salesforce.com"},
		{real, "https://Acme.my.salesforce.com/", "https://Acme.my.salesforce.com"},
		{local, "https://127.0.0.1:8443", "https://127.0.0.1:8443"},
		{local, "https://acme.example", "https://acme.example"},
		{real, "https://evil.example", ""},
		{real, "https://localhost:8443", ""},
		{real, "https://user@acme.my.salesforce.com", ""},
		{real, "http://acme.my.salesforce.com", ""},
		{local, "http://127.0.0.1:8443", ""},
		{real, "", ""},
	} {
		if got, err := tt.login.instanceURL(tt.raw); got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q from %s: got %q, %v", tt.raw, tt.login.URL(), got, err)
		}
	}
}

func TestParseAuthURL(t *testing.T) {
	t.Parallel()
	got, err := ParseAuthURL("force://PlatformCLI::5Aep861.test_refresh_token==@acme.my.salesforce.com")
	if err != nil || got.ClientID != "PlatformCLI" || !got.ClientSecret.Empty() || got.RefreshToken.Reveal() != "5Aep861.test_refresh_token==" || got.LoginURL != "https://acme.my.salesforce.com" {
		t.Errorf("public client: %v", err)
	}
	got, err = ParseAuthURL("force://3MVG9.id:test-client-secret:test-refresh-token@localhost:8443")
	if err != nil || got.ClientSecret.Reveal() != "test-client-secret" || got.LoginURL != "https://localhost:8443" {
		t.Errorf("confidential client: %v", err)
	}
	// What the Salesforce CLI takes and this normalizes.
	for _, host := range []string{"acme.my.salesforce.com/", "https://acme.my.salesforce.com", "https://acme.my.salesforce.com/", "acme.my.salesforce.com\n", "acme.my.salesforce.com\r\n", "acme.my.salesforce.com  "} {
		got, err := ParseAuthURL("force://PlatformCLI::test-refresh-token@" + host)
		if err != nil || got.LoginURL != "https://acme.my.salesforce.com" {
			t.Errorf("host %q: %q, %v", host, got.LoginURL, err)
		}
	}
	for name, raw := range map[string]string{
		"undefined secret": "force://PlatformCLI:undefined:test-refresh-token@acme.my.salesforce.com",
		"undefined token":  "force://PlatformCLI::undefined@acme.my.salesforce.com",
		"placeholder":      "force://<client-id>::test-refresh-token@acme.my.salesforce.com",
		"masked":           "force://PlatformCLI:***:test-refresh-token@acme.my.salesforce.com",
		"zero-width space": "force://PlatformCLI::test-\u200brefresh-token@acme.my.salesforce.com",
		"two slashes":      "force://PlatformCLI::test-refresh-token@acme.my.salesforce.com//",
		"two parts":        "force://test-refresh-token@acme.my.salesforce.com",
		"no client id":     "force://::test-refresh-token@acme.my.salesforce.com",
		"no token":         "force://id:secret:@acme.my.salesforce.com",
		"four parts":       "force://id:secret:test-refresh-token:x@acme.my.salesforce.com",
		"leading space":    " force://id:secret:test-refresh-token@acme.my.salesforce.com",
		"space inside":     "force://id:sec ret:test-refresh-token@acme.my.salesforce.com",
		"path after host":  "force://id:secret:test-refresh-token@acme.my.site.com/partners",
		"no host":          "force://id:secret:test-refresh-token",
		"https":            "https://id:secret:test-refresh-token@acme.my.salesforce.com",
		"byte order mark":  "\ufeffforce://id:secret:test-refresh-token@acme.my.salesforce.com",
		"UTF-16":           "f\x00o\x00r\x00c\x00e\x00",
		"empty":            "",
	} {
		if got, err := ParseAuthURL(raw); err == nil || got.ClientID != "" || strings.Contains(err.Error(), "test-") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
