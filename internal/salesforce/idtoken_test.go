package salesforce

import (
	"testing"

	"forcecred/protocol/token"
)

// TestIsIssuer: an ID token's issuer is the login host, its site or the instance, with the
// host in any case.
func TestIsIssuer(t *testing.T) {
	t.Parallel()
	host, err := ParseHost("https://acme.my.site.com", "/partners", false)
	if err != nil {
		t.Fatal(err)
	}
	a := NewAuthorization(host, "test-client-id", "http://localhost:1717/OauthRedirect", "")
	for issuer, want := range map[string]bool{
		"https://acme.my.site.com":                true,
		"https://Acme.my.site.com/":               true,
		"https://acme.my.site.com/partners":       true,
		"https://ACME.my.salesforce.com":          true,
		"https://acme.my.site.com/Partners":       false,
		"https://acme.my.site.com/other":          false,
		"https://acme.my.salesforce.com/partners": false,
		"https://acme.my.s\u0130te.com":           false,
		"https://acme.my.site.com.evil.test":      false,
		"http://acme.my.site.com":                 false,
		"":                                        false,
	} {
		if got := a.isIssuer(issuer, Answer{Token: token.Token{InstanceURL: "https://acme.my.salesforce.com"}}); got != want {
			t.Errorf("%q: %v", issuer, got)
		}
	}
}
