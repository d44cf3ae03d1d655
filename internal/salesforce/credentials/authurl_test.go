package credentials

import (
	"strings"
	"testing"
)

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
	// The Salesforce CLI accepts these as well.
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
