package salesforce

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"forcecred/internal/hints"
	"forcecred/internal/salesforce/transport"
	"forcecred/protocol/secret"
)

const orgToken = "00Dxx!test_access_token"

// tenantAnswer is the sample answer of Salesforce's documentation, with a host.
const tenantAnswer = `{"access_token":"test-data-cloud-token","instance_url":"mrrtk8tenant.c360a.salesforce.com","token_type":"Bearer",` +
	`"issued_token_type":"urn:ietf:params:oauth:token-type:jwt","expires_in":7130}`

// exchangeAt exchanges a token at a host with that answer, and checks the request.
func exchangeAt(t *testing.T, status int, header http.Header, body string) (Answer, *Error) {
	t.Helper()
	requests := 0
	client, host := hostThat(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		want := "grant_type=urn%3Asalesforce%3Agrant-type%3Aexternal%3Acdp&subject_token=00Dxx%21test_access_token&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token"
		if err := r.ParseForm(); err != nil || r.Method != http.MethodPost || r.URL.Path != "/services/a360/token" || r.URL.RawQuery != "" || r.PostForm.Encode() != want {
			t.Errorf("requested %s %s with %v: %v", r.Method, r.URL, r.PostForm, err)
		}
		if r.Header.Get("Authorization") != "" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
			t.Errorf("requested with the header %v", r.Header)
		}
		for name := range header {
			w.Header().Set(name, header.Get(name))
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
	a, err := client.ExchangeDataCloud(t.Context(), host, host.URL(), secret.New(orgToken))
	if requests != 1 {
		t.Errorf("%d requests", requests)
	}
	e := (*Error)(nil)
	if err != nil && !errors.As(err, &e) {
		t.Errorf("%v is no *Error", err)
	}
	return a, e
}

func TestExchangeDataCloud(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, old, new string
		url            string
		expires        time.Duration
	}{
		{"the host alone", "", "", "https://mrrtk8tenant.c360a.salesforce.com", 7130 * time.Second},
		{"a URL", `"mrrtk8`, `"https://mrrtk8`, "https://mrrtk8tenant.c360a.salesforce.com", 7130 * time.Second},
		{"a URL with a slash", `"mrrtk8tenant.c360a.salesforce.com`, `"https://mrrtk8tenant.c360a.salesforce.com/`, "https://mrrtk8tenant.c360a.salesforce.com", 7130 * time.Second},
		{"expires_in as text", "7130", `"7130"`, "https://mrrtk8tenant.c360a.salesforce.com", 7130 * time.Second},
		{"no expires_in", `,"expires_in":7130`, "", "https://mrrtk8tenant.c360a.salesforce.com", 0},
		{"expires_in is no number", "7130", `["soon"]`, "https://mrrtk8tenant.c360a.salesforce.com", 0},
		{"expires_in overflows", "7130", "9223372036854775807", "https://mrrtk8tenant.c360a.salesforce.com", 0},
		{"expires_in is negative", "7130", "-1", "https://mrrtk8tenant.c360a.salesforce.com", 0},
		{"no token_type", `"token_type":"Bearer",`, "", "https://mrrtk8tenant.c360a.salesforce.com", 7130 * time.Second},
	} {
		a, err := exchangeAt(t, http.StatusOK, nil, strings.Replace(tenantAnswer, tt.old, tt.new, 1))
		if err != nil || a.AccessToken.Reveal() != "test-data-cloud-token" || a.InstanceURL != tt.url || a.ExpiresIn != tt.expires || a.TokenType != "Bearer" || a.Date.IsZero() {
			t.Errorf("%s: %+v, %v", tt.name, a, err)
		}
	}
}

// TestDataCloudTenantHost: the tenant of an org at Salesforce has a Salesforce host.
func TestDataCloudTenantHost(t *testing.T) {
	t.Parallel()
	host, err := ParseHost("https://acme.my.salesforce.com", "", false)
	if err != nil {
		t.Fatal(err)
	}
	for url, good := range map[string]bool{
		"mrrtk8tenant.c360a.salesforce.com":         true,
		"https://mrrtk8tenant.c360a.salesforce.com": true,
		"http://mrrtk8tenant.c360a.salesforce.com":  false,
		"evil.example":                                false,
		"https://evil.example":                        false,
		"c360a.salesforce.com.evil.example":           false,
		"mrrtk8tenant.c360a.salesforce.com@evil.test": false,
		"evil.example/mrrtk8tenant.c360a.salesforce":  false,
		"127.0.0.1:8443":                              false,
		"mrrtk8tenant.c360a.salesforce.com/?x=":       false,
		"//mrrtk8tenant.c360a.salesforce.com":         false,
		"mrrtk8tenant.c360a.salesforce.com evil.test": false,
		"": false,
	} {
		resp := transport.Response{Status: http.StatusOK, Body: []byte(strings.Replace(tenantAnswer, "mrrtk8tenant.c360a.salesforce.com", url, 1))}
		a, err := decodeDataCloud(resp, host, secret.New(orgToken))
		if (err == nil) != good || err != nil && !a.AccessToken.Empty() {
			t.Errorf("%q: %v", url, err)
		}
	}
	client, err := NewClient(transport.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.ExchangeDataCloud(t.Context(), host, "https://evil.example", secret.New(orgToken)); errorOf(err).Reason != Refused || !strings.Contains(err.Error(), "does not name a Salesforce host") {
		t.Errorf("an org elsewhere: %v", err)
	}
}

func TestExchangeDataCloudRefused(t *testing.T) {
	t.Parallel()
	// From Salesforce's knowledge article 005104785, and the tests of its driver.
	const page = `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN"><html><head><script>
function redirectOnLoad() { window.location.replace('https://login.salesforce.com/?ec=302&startURL=%2Fservices%2Fa360%2Ftoken'); }</script></head></html>`
	oauth := func(code, description string) string {
		return fmt.Sprintf(`{"error":%q,"error_description":%q}`, code, description)
	}
	for _, tt := range []struct {
		name   string
		status int
		header http.Header
		body   string
		reason Reason
		hint   string
	}{
		{"a login page", 200, nil, page, TokenRefused, "does not accept the org's access token"},
		{"a redirect to the login", 302, http.Header{"Location": {"https://login.salesforce.com/?ec=302&startURL=%2Fservices%2Fa360%2Ftoken"}}, "", TokenRefused, ""},
		{"as the REST API says it", 401, nil, `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`, TokenRefused, ""},
		{"a code in its place", 401, nil, oauth("INVALID_SESSION_ID", "Session expired or invalid"), TokenRefused, ""},
		{"invalid_grant", 400, nil, oauth("invalid_grant", "expired access/refresh token"), TokenRefused, ""},
		{"invalid_token", 401, nil, oauth("invalid_token", "Token is invalid"), TokenRefused, ""},
		{"invalid_subject_token", 400, nil, oauth("invalid_subject_token", "x"), TokenRefused, ""},
		{"no scope", 400, nil, oauth("invalid_scope", "the requested scope is invalid"), Refused, "cdp_query_api"},
		{"no permission", 400, nil, oauth("access_denied", "end-user denied authorization"), Refused, "permission set"},
		{"no Data Cloud", 404, nil, "<html><body>URL No Longer Exists</body></html>", Refused, "the org has no Data Cloud"},
		{"an exchange that is not known", 400, nil, oauth("unsupported_grant_type", "grant type not supported"), Refused, "the org has no Data Cloud"},
		{"the user is frozen", 400, nil, oauth("invalid_grant", "inactive user"), Refused, "activate the user"},
		{"another page", 200, nil, "<html>", Garbled, ""},
		{"a redirect to elsewhere", 302, http.Header{"Location": {"https://elsewhere.example/"}}, "", Refused, "sends no secrets there"},
		{"a firewall", 403, nil, "<html>", Refused, "a proxy or a firewall"},
		{"too many", 429, nil, oauth("rate_limit_exceeded", ""), Throttled, ""},
		{"a fault", 500, nil, oauth("server_error", ""), ServerFault, ""},
		{"no token", 200, nil, `{"instance_url":"x.c360a.salesforce.com"}`, Garbled, ""},
		{"no tenant", 200, nil, `{"access_token":"test-data-cloud-token"}`, Refused, ""},
		{"the org's own token", 200, nil, strings.Replace(tenantAnswer, "test-data-cloud-token", orgToken, 1), Garbled, ""},
		{"an echo", 400, nil, oauth("invalid_request", "no exchange of "+orgToken), Refused, ""},
	} {
		a, e := exchangeAt(t, tt.status, tt.header, tt.body)
		if e == nil || !a.AccessToken.Empty() {
			t.Errorf("%s: %+v, %v", tt.name, a, e)
			continue
		}
		if e.Reason != tt.reason || !strings.Contains(hints.Text(e.Remedy), tt.hint) || strings.Contains(e.Error()+hints.Text(e.Remedy), orgToken) {
			t.Errorf("%s: %s: %v (%s)", tt.name, e.Reason, e, hints.Text(e.Remedy))
		}
	}
}

func TestRevokeDataCloud(t *testing.T) {
	t.Parallel()
	for status, good := range map[int]bool{200: true, 400: false, 401: false, 500: false} {
		client, host := hostThat(t, func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err != nil || r.URL.Path != "/services/a360/revoke" || r.PostForm.Encode() != "token=test-data-cloud-token" || r.Header.Get("Authorization") != "Bearer test-data-cloud-token" {
				t.Errorf("requested %s with %v, %v", r.URL, r.PostForm, r.Header)
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`"Token revoked successfully"`))
		})
		if err := client.RevokeDataCloud(t.Context(), host, host.URL(), secret.New("test-data-cloud-token")); (err == nil) != good {
			t.Errorf("%d: %v", status, err)
		}
		if err := client.RevokeDataCloud(t.Context(), Host{origin: "https://acme.my.salesforce.com"}, host.URL(), secret.New("test-data-cloud-token")); err == nil {
			t.Error("the token is sent to a host that is not Salesforce's")
		}
	}
}

// FuzzDataCloud: any answer becomes a token at a Salesforce host, or an error without a
// secret.
func FuzzDataCloud(f *testing.F) {
	f.Add(200, []byte(tenantAnswer))
	f.Add(401, []byte(`[]`))
	f.Add(200, []byte(base64.StdEncoding.EncodeToString([]byte(orgToken))))
	host := Host{origin: "https://acme.my.salesforce.com"}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		resp := transport.Response{Status: status, Body: body}
		a, err := decodeDataCloud(resp, host, secret.New(orgToken))
		if err != nil {
			if e := classifyDataCloud(resp, err); e.Reason == "" || hints.Text(e.Remedy) == "" || strings.Contains(e.Error()+hints.Text(e.Remedy), orgToken) {
				t.Errorf("%+v", e)
			}
			return
		}
		if host, ok := strings.CutPrefix(a.InstanceURL, "https://"); !ok || !isSalesforce(strings.ToLower(host)) || a.AccessToken.Empty() || a.ExpiresIn < 0 {
			t.Errorf("%+v", a)
		}
	})
}
