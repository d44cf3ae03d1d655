package salesforce

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"forcecred/internal/hints"
	"forcecred/internal/salesforce/credentials"
	"forcecred/internal/salesforce/transport"
	"forcecred/protocol/secret"
)

// refusals are the known errors for grants other than a refresh token, with a part of the
// hint of each.
var refusals = []struct {
	of                string // jwt, client, or both
	code, description string
	want              Reason
	hint              string
}{
	{"jwt", "invalid_grant", "expired authorization code", Refused, "this machine's clock"},
	{"jwt", "invalid_grant", "Audience validation failed", Refused, "My Domain"},
	{"jwt", "invalid_grant", "audience is invalid", Refused, "give the audience"},
	{"jwt", "invalid_grant", "invalid assertion", Refused, "certificate"},
	{"jwt", "invalid_grant", "user hasn't approved this consumer", Refused, "pre-authorized"},
	{"jwt", "invalid_client", "invalid client credentials", Refused, "certificate"},
	{"jwt", "invalid_client_credentials", "client secret invalid", Refused, "certificate"},
	{"jwt", "unauthorized_client", "", Refused, "JWT bearer flow"},
	{"jwt", "unsupported_grant_type", "grant type not supported", Refused, "certificate"},

	{"client", "invalid_grant", "request not supported on this domain", Refused, "My Domain"},
	{"client", "invalid_grant", "no client credentials user enabled", Refused, "Run As"},
	{"client", "invalid_client", "invalid client credentials", Refused, "consumer secret"},
	{"client", "invalid_client_credentials", "client secret invalid", Refused, "consumer secret"},
	{"client", "unauthorized_client", "", Refused, "client credentials flow"},
	{"client", "unsupported_grant_type", "grant type not supported", Refused, "client credentials flow"},

	{"both", "app_not_found", "External client app is not installed in this org", Refused, "My Domain"},
	{"both", "invalid_grant", "no valid scopes defined", Refused, "(api)"},
	{"both", "invalid_scope", "the requested scope is invalid, unknown, or malformed", Refused, "(api)"},
	{"both", "invalid_client", "app must be installed into org", Refused, "install it"},
	{"both", "invalid_client", "client identifier invalid", Refused, "client_id"},
	{"both", "invalid_client_id", "client identifier invalid", Refused, "ten minutes"},

	// Errors of a refresh token, and errors that are not about the grant.
	{"both", "invalid_grant", "expired access/refresh token", Refused, "Login History"},
	{"both", "invalid_grant", "authentication failure", Refused, "Login History"},
	{"both", "invalid_grant", "something new", Refused, "Login History"},
	{"both", "invalid_token", "", Refused, "Login History"},
	{"both", "invalid_grant", "inactive user", Refused, "activate the user"},
	{"both", "invalid_grant", "ip restricted or invalid login hours", Refused, "VPN"},
	{"both", "invalid_grant", "login rate exceeded", Throttled, "wait some minutes"},
	{"both", "invalid_grant", "token request is already being processed", Busy, "try again"},
	{"both", "server_error", "", ServerFault, "status.salesforce.com"},
}

func TestGrantRefusals(t *testing.T) {
	t.Parallel()
	kinds := map[string]struct {
		rows     []errorRule
		fallback class
	}{"jwt": {assertionRules, assertionRefused}, "client": {clientRules, clientRefused}}
	reached := map[string]map[errorRule]bool{"jwt": {}, "client": {}}
	for _, tt := range refusals {
		for name, kind := range kinds {
			if tt.of != name && tt.of != "both" {
				continue
			}
			for _, cased := range []func(string) string{func(s string) string { return s }, strings.ToUpper, odd} {
				e := classify(transport.Response{Status: http.StatusBadRequest, Header: http.Header{}}, cased(tt.code), cased(tt.description), nil)
				row := reclassify(e, kind.rows, kind.fallback)
				if e.Reason != tt.want || !strings.Contains(hints.Text(e.Remedy), tt.hint) {
					t.Errorf("%s: %s %q: %s, hint %q; want %s, %q", name, tt.code, tt.description, e.Reason, hints.Text(e.Remedy), tt.want, tt.hint)
				}
				for _, wrong := range []string{"refresh token", "log in again", "api and refresh_token"} {
					if strings.Contains(hints.Text(e.Remedy), wrong) {
						t.Errorf("%s: %s %q: the hint is for another grant: %q", name, tt.code, tt.description, hints.Text(e.Remedy))
					}
				}
				reached[name][row] = true
			}
		}
	}
	for name, kind := range kinds {
		for _, row := range kind.rows {
			if !reached[name][row] {
				t.Errorf("%s: no answer matches the rule %s %q", name, row.code, row.contains)
			}
		}
		wantNoShadow(t, kind.rows)
	}
	// The status is about the server, with any body.
	e := classify(transport.Response{Status: http.StatusServiceUnavailable, Header: http.Header{}}, "invalid_grant", "invalid assertion", nil)
	if reclassify(e, assertionRules, assertionRefused); e.Reason != ServerFault {
		t.Errorf("503 is %s", e.Reason)
	}
}

// TestClockDifference: if a wrong clock explains a refusal, the hint has the difference.
func TestClockDifference(t *testing.T) {
	t.Parallel()
	sent := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		description string
		date        string
		hint        string
	}{
		{"expired authorization code", "Tue, 24 Nov 2026 10:14:00 GMT", "this machine's clock is 14m0s behind Salesforce's"},
		{"invalid assertion", "Tue, 24 Nov 2026 09:50:00 GMT", "this machine's clock is 10m0s ahead of Salesforce's"},
		{"invalid assertion", "Tue, 24 Nov 2026 10:01:00 GMT", hints.Text(wrongAssertion.remedy())},
		{"expired authorization code", "", hints.Text(assertionEnded.remedy())},
		{"expired authorization code", "yesterday", hints.Text(assertionEnded.remedy())},
		{"user hasn't approved this consumer", "Tue, 24 Nov 2026 10:14:00 GMT", hints.Text(notPreapproved.remedy())},
	} {
		resp := transport.Response{Status: http.StatusBadRequest, Header: http.Header{"Date": {tt.date}}}
		e := classify(resp, "invalid_grant", tt.description, nil)
		classifyAssertion(e, resp, sent)
		if !strings.Contains(hints.Text(e.Remedy), tt.hint) {
			t.Errorf("%s at %q: %q, want %q", tt.description, tt.date, hints.Text(e.Remedy), tt.hint)
		}
	}
}

func TestGrantCheck(t *testing.T) {
	t.Parallel()
	for audience, ok := range map[string]bool{
		"": true, "https://login.salesforce.com": true, "https://acme.my.site.com/partners": true,
		"http://login.salesforce.com": false, "login.salesforce.com": false, "https://": false, "https://u:p@login.salesforce.com": false,
		"https://login.salesforce.com?a=b": false, "https://login.salesforce.com#a": false, "https://login salesforce.com": false, "https://login.salesforce.com/é": false,
		"https://login.s%C4%B0te.com": false, "https://127.1": false,
	} {
		if err := (JWTGrant{Audience: audience}).Check(); (err == nil) != ok {
			t.Errorf("audience %q: %v", audience, err)
		}
	}
	for url, ok := range map[string]bool{
		"https://login.salesforce.com": false, "https://TEST.salesforce.com/": false,
		"https://acme.my.salesforce.com": true, "https://acme--dev.sandbox.my.salesforce.com": true, "https://127.0.0.1:8443": true,
	} {
		host, err := ParseHost(url, "", false)
		if err != nil {
			t.Fatal(err)
		}
		if err := (ClientGrant{Host: host}).Check(); (err == nil) != ok {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestAssertionIsRedacted: the error of an answer that echoes the assertion does not show
// it.
func TestAssertionIsRedacted(t *testing.T) {
	t.Parallel()
	key, err := testPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	g := JWTGrant{Host: testGrant(t).Host, ClientID: "test-client-id", Username: "test-user@example.com", Key: key}
	assertion, err := g.assertion("https://login.salesforce.com", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	resp := transport.Response{Status: http.StatusBadRequest, Header: http.Header{}, Body: oauthBody(t, "invalid_grant", "no grant for "+assertion.Reveal())}
	_, err = decodeAnswer(resp, g.Host, g.ClientSecret, assertion)
	e := (*Error)(nil)
	if !errors.As(err, &e) || !strings.Contains(e.Description, "no grant for") || strings.Contains(e.Description, assertion.Reveal()[:12]) {
		t.Errorf("got %v", err)
	}
}

// testPrivateKey returns a key that no app has. To generate it is the slowest part of
// the tests.
var testPrivateKey = sync.OnceValues(func() (credentials.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return credentials.PrivateKey{}, err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return credentials.ParsePrivateKey(secret.New(string(pem.EncodeToMemory(block))))
})
