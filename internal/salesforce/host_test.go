package salesforce

import (
	"forcecred/internal/salesforce/transport"
	"net/http"
	"strings"
	"testing"
)

func TestParseHost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		url, site string
		allowHost bool
		endpoint  string
	}{
		{"https://login.salesforce.com", "", false, "https://login.salesforce.com/services/oauth2/token"},
		{"https://test.salesforce.com/", "", false, "https://test.salesforce.com/services/oauth2/token"},
		{"HTTPS://Acme.My.Salesforce.com:443/", "", false, "https://acme.my.salesforce.com/services/oauth2/token"},
		{"https://acme--dev.sandbox.my.salesforce.com", "", false, "https://acme--dev.sandbox.my.salesforce.com/services/oauth2/token"},
		{"https://acme.my.site.com", "/partners", false, "https://acme.my.site.com/partners/services/oauth2/token"},
		{"https://acme.force.com", "/a/b/", false, "https://acme.force.com/a/b/services/oauth2/token"},
		{"https://login.salesforce.mil", "", false, "https://login.salesforce.mil/services/oauth2/token"},
		{"https://acme.my.salesforce.mil", "", false, "https://acme.my.salesforce.mil/services/oauth2/token"},
		{"https://acme.my.sfcrmproducts.cn", "/", false, "https://acme.my.sfcrmproducts.cn/services/oauth2/token"},
		{"https://localhost:8443", "", false, "https://localhost:8443/services/oauth2/token"},
		{"https://127.0.0.1:1", "", false, "https://127.0.0.1:1/services/oauth2/token"},
		{"https://[0:0::1]:08443", "", false, "https://[::1]:8443/services/oauth2/token"},
		{"https://login.acme.com", "", true, "https://login.acme.com/services/oauth2/token"},
		{"https://portal.acme.com:8443", "/crm", true, "https://portal.acme.com:8443/crm/services/oauth2/token"},
	} {
		host, err := ParseHost(tt.url, tt.site, tt.allowHost)
		if err != nil {
			t.Errorf("%s is refused: %v", tt.url, err)
			continue
		}
		if got := host.Endpoint("token"); got != tt.endpoint {
			t.Errorf("%s: got %s, want %s", tt.url, got, tt.endpoint)
		}
		if again, err := ParseHost(host.URL(), host.Site(), tt.allowHost); err != nil || again != host {
			t.Errorf("%s changes when it is parsed again: %v", tt.url, err)
		}
	}
}

func TestParseHostRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, url, site string
		want            string
	}{
		{"http", "http://login.salesforce.com", "", "not an https URL"},
		{"no scheme", "login.salesforce.com", "", "not an https URL"},
		{"empty", "", "", "not an https URL"},
		{"another host", "https://login.example.com", "", "not name a Salesforce host"},
		{"look-alike suffix", "https://evilsalesforce.com", "", "not name a Salesforce host"},
		{"look-alike prefix", "https://login.salesforce.com.evil.example", "", "not name a Salesforce host"},
		{"the bare domain", "https://salesforce.com", "", "not name a Salesforce host"},
		{"address", "https://10.0.0.1", "", "not name a Salesforce host"},
		{"port", "https://login.salesforce.com:8443", "", "has a port"},
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
		{"dotted capital i", "https://acme.my.s\u0130te.com", "", "no valid host name"},
		{"dotted capital i, escaped", "https://acme.my.s%C4%B0te.com", "", "no valid host name"},
		{"Kelvin sign", "https://\u212aiosk.my.site.com", "", "no valid host name"},
		{"long s", "https://acme.my.\u017fite.com", "", "no valid host name"},
		{"fullwidth", "https://acme.my.salesforce\uff0ecom", "", "no valid host name"},
		{"soft hyphen", "https://acme.my.sales\u00adforce.com", "", "no valid host name"},
		{"escaped letter", "https://%41cme.my.salesforce.com", "", "not a URL"},
		{"underscore", "https://acme_dev.my.salesforce.com", "", "no valid host name"},
		{"loopback by a number", "https://2130706433", "", "no valid host name"},
		{"loopback in two parts", "https://127.1", "", "no valid host name"},
		{"trailing dot", "https://login.salesforce.com.", "", "no valid host name"},
		{"escaped", "https://login%2esalesforce.com", "", "not a URL"},
		{"backslash", `https://login.salesforce.com\@evil.example`, "", "not a URL"},
		{"zone", "https://[::1%25eth0]", "", "no valid host name"},
		{"lightning", "https://acme.lightning.force.com", "", "Lightning page host"},
		{"lightning of the government", "https://acme.lightning.crmforce.mil", "", "Lightning page host"},
		{"setup", "https://acme.my.salesforce-setup.com", "", "Setup page host"},
		{"setup of a sandbox", "https://acme--dev.sandbox.my.salesforce-setup.com/", "", "Setup page host"},
		{"visualforce", "https://acme--c.vf.force.com", "", "Visualforce page host"},
		{"look-alike of setup", "https://acme.evil-my.salesforce-setup.com", "", "not name a Salesforce host"},
		{"a site's path", "https://acme.my.site.com/partners", "", "as site"},
		{"site without slash", "https://acme.my.site.com", "partners", "begin with a slash"},
		{"site with dots", "https://acme.my.site.com", "/../x", "not the path"},
		{"site with query", "https://acme.my.site.com", "/x?y", "not the path"},
		{"site with double slash", "https://acme.my.site.com", "//evil.example", "not the path"},
		{"site escaped", "https://acme.my.site.com", "/%2e%2e", "not the path"},
		{"long site", "https://acme.my.site.com", "/" + strings.Repeat("a", 255), "longer than"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseHost(tt.url, tt.site, false)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := ParseHost("https://user@login.acme.com", "", true); err == nil {
		t.Error("allow_host allows a user in the URL")
	}
}

// TestInstanceURL: an access token goes to Salesforce hosts, and to hosts that the login
// host trusts.
func TestInstanceURL(t *testing.T) {
	t.Parallel()
	const (
		salesforces = "https://login.salesforce.com"
		loopback    = "https://localhost:8443"
		mapped      = "https://[::ffff:127.0.0.1]:8443"
		own         = "https://login.acme.example:8443" // with allow_host, as the next ones
		address     = "https://10.0.0.1"
		punycode    = "https://xn--bcher-kva.example"
		port        = "https://acme.my.salesforce.com:8443"
	)
	for _, tt := range []struct{ host, raw, want string }{
		{salesforces, "https://acme.my.salesforce.com", "https://acme.my.salesforce.com"},
		{salesforces, "HTTPS://ACME.My.Salesforce.com:443/", "https://acme.my.salesforce.com"},
		{salesforces, "https://api.salesforce.com", "https://api.salesforce.com"},
		{salesforces, "https://evil.test", ""},
		{salesforces, "https://acme.my.salesforce.com.evil.test", ""},
		{salesforces, "https://acme.my.s\u0130te.com", ""},
		{salesforces, "https://acme.my.s%C4%B0te.com", ""},
		{salesforces, "https://\u212aiosk.my.site.com", ""},
		{salesforces, "https://acme.my.site.com\u3002", ""},
		{salesforces, "https://localhost:8443", ""},
		{salesforces, "https://acme.my.salesforce.com:8443", ""},
		{salesforces, "https://user@acme.my.salesforce.com", ""},
		{salesforces, "https://acme.my.salesforce.com/path", ""},
		{salesforces, "http://acme.my.salesforce.com", ""},
		{salesforces, "", ""},

		{loopback, "https://localhost:8443", "https://localhost:8443"},
		{loopback, "https://LOCALHOST", "https://localhost"},
		{loopback, "https://127.0.0.1:1", "https://127.0.0.1:1"},
		{loopback, "https://[0::1]:1", "https://[::1]:1"},
		{loopback, "https://acme.my.salesforce.com", "https://acme.my.salesforce.com"},
		{loopback, "https://evil.test", ""},
		{loopback, "https://acme.my.salesforce.com:8443", ""},
		{loopback, "https://localhost.evil.test", ""},
		{loopback, "https://127.1", ""},
		{loopback, "https://2130706433", ""},
		{loopback, "https://10.0.0.1", ""},
		{loopback, "http://127.0.0.1:8443", ""},
		{mapped, "https://127.0.0.1:8443", "https://127.0.0.1:8443"},

		{own, "https://login.acme.example:8443", "https://login.acme.example:8443"},
		{own, "https://LOGIN.acme.example", "https://login.acme.example"},
		{own, "https://na1.login.acme.example:9443", "https://na1.login.acme.example:9443"},
		{own, "https://acme.my.salesforce.com", "https://acme.my.salesforce.com"},
		{own, "https://acme.example", ""},
		{own, "https://evil-login.acme.example", ""},
		{own, "https://login.acme.example.evil.test", ""},
		{own, "https://evil.test", ""},
		{own, "https://127.0.0.1", ""},
		{own, "https://acme.my.salesforce.com:8443", ""},
		{address, "https://10.0.0.1:8443", "https://10.0.0.1:8443"},
		{address, "https://10.0.0.10", ""},
		{address, "https://evil.10.0.0.1", ""},
		{punycode, "https://XN--BCHER-KVA.example", "https://xn--bcher-kva.example"},
		{punycode, "https://b\u00fccher.example", ""},
		{port, "https://acme.my.salesforce.com:9443", "https://acme.my.salesforce.com:9443"},
		{port, "https://other.my.salesforce.com:8443", ""},
	} {
		host, err := ParseHost(tt.host, "", tt.host != salesforces && tt.host != loopback)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := host.InstanceURL(tt.raw); got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%q from %s: got %q, %v; want %q", tt.raw, tt.host, got, err, tt.want)
		}
	}
}

// TestForeignURLs: a site at its company's own domain is left out of an answer, as is an
// identity URL there, and the rest of the answer is valid.
func TestForeignURLs(t *testing.T) {
	t.Parallel()
	grant := testGrant(t)
	for site, want := range map[string]string{
		"https://acme.my.site.com/partners":       "https://acme.my.site.com/partners",
		"https://acme.my.site.com":                "https://acme.my.site.com",
		"https://partners.acme.example/":          "",
		"https://acme.my.s%C4%B0te.com/partners":  "",
		"https://acme.my.site.com@evil.test/":     "",
		"https://acme.my.site.com:8443/partners":  "",
		"http://acme.my.site.com/partners":        "",
		"https://acme.my.site.com.evil.test/":     "",
		"https://127.0.0.1/https://acme.site.com": "",
		"/partners": "",
	} {
		for _, member := range []string{"sfdc_site_url", "sfdc_community_url", "id"} {
			body := `{"access_token":"00Dxx!test","instance_url":"https://acme.my.salesforce.com","` + member + `":"` + site + `"}`
			a, err := decodeRefresh(transport.Response{Status: 200, Header: http.Header{}, Body: []byte(body)}, grant)
			if err != nil || a.SiteURL+a.ID != want || (len(a.Foreign) == 1) != (want == "") {
				t.Errorf("%s %q: %q, foreign %q, %v", member, site, a.SiteURL+a.ID, a.Foreign, err)
			}
		}
	}
}
