package salesforce

import (
	"encoding/json"
	"errors"
	"forcecred/internal/hints"
	"forcecred/internal/salesforce/transport"
	"net/http"
	"strings"
	"testing"
	"time"
)

// asError returns the error of a refresh with an answer that it must refuse.
func asError(t *testing.T, resp transport.Response) *Error {
	t.Helper()
	_, err := decodeRefresh(resp, testGrant(t))
	e := (*Error)(nil)
	if !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	return e
}

func oauthBody(t *testing.T, code, description string) []byte {
	t.Helper()
	return jsonObject(t, map[string]string{"error": code, "error_description": description})
}

// errorBodies returns an error in each of Salesforce's formats.
func errorBodies(t *testing.T, code, description string) [][]byte {
	t.Helper()
	oauth := oauthBody(t, code, description)
	rest := jsonObject(t, map[string]string{"errorCode": code, "message": description})
	return [][]byte{oauth, rest, []byte("[" + string(rest) + "]"), []byte(" [" + string(rest) + ",{}]\n"), []byte("[" + string(oauth) + "]")}
}

func jsonObject(t *testing.T, members map[string]string) []byte {
	t.Helper()
	body, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestRefusals has the known errors of Salesforce, in the words that were seen, and the
// reason of each. A rule that none of them matches is dead code.
func TestRefusals(t *testing.T) {
	t.Parallel()
	reached := map[errorRule]bool{}
	for _, tt := range []struct {
		status            int
		code, description string
		want              Reason
		hint              string // must be in it
	}{
		{400, "invalid_grant", "token request is already being processed", Busy, "try again"},
		{400, "invalid_grant", "Failed: Token request is already being processed.", Busy, "forcecred instead"},
		{400, "invalid_grant", "expired authorization code", Busy, "try again"},
		{400, "invalid_grant", "login rate exceeded", Throttled, "wait some minutes"},
		{400, "rate_limit_exceeded", "login rate exceeded", Throttled, "wait some minutes"},
		{400, "slow_down", "", Throttled, "wait some minutes"},
		{400, "authorization_pending", "", Throttled, "approve"},
		{400, "server_error", "", ServerFault, "status.salesforce.com"},
		{400, "temporarily_unavailable", "", ServerFault, "status.salesforce.com"},
		{400, "unknown_error", "retry your request", ServerFault, "try again"},

		{403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", ServerFault, "API Usage"},
		{403, "EXCEEDED_RATE_LIMIT", "", ServerFault, "try again"},
		{400, "UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId if you contact support", ServerFault, "try again"},
		{400, "SERVER_UNAVAILABLE", "", ServerFault, "try again"},
		{400, "REQUEST_RUNNING_TOO_LONG", "", ServerFault, "try again"},
		{403, "API_CURRENTLY_DISABLED", "", ServerFault, "try again"},
		{403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.", Refused, "API Enabled"},
		{403, "ORG_LOCKED", "", Refused, "the org is locked"},
		{403, "TRIAL_EXPIRED", "", Refused, "the org is locked"},
		{403, "LOGIN_DURING_RESTRICTED_DOMAIN", "", Refused, "VPN"},
		{403, "LOGIN_DURING_RESTRICTED_TIME", "", Refused, "hour"},
		{403, "INACTIVE_OWNER_OR_USER", "", Refused, "activate the user"},
		{401, "INVALID_SESSION_ID", "Session expired or invalid", Refused, "did not use"},
		{400, "unknown_error", "something else", Refused, "Login History"},

		{400, "invalid_grant", "expired access/refresh token", GrantDead, "log in again"},
		{200, "invalid_grant", "expired access/refresh token", GrantDead, "April 2026"},
		{401, "invalid_grant", "expired access/refresh token", GrantDead, "VPN"},
		{400, "invalid_grant", "token validity expired", GrantDead, "log in again"},
		{400, "invalid_grant", "authentication failure", GrantDead, "Login History"},
		{400, "invalid_grant", "invalid user credentials", GrantDead, "log in again"},
		{400, "invalid_grant", "something new", GrantDead, "log in again"},
		{400, "invalid_grant", "", GrantDead, "log in again"},
		{400, "invalid_token", "", GrantDead, "log in again"},

		{400, "invalid_grant", "inactive user", Refused, "activate the user"},
		{400, "inactive_user", "user is inactive", Refused, "VPN"},
		{400, "invalid_grant", "inactive org", Refused, "the org is locked"},
		{400, "invalid_grant", "inactive organization", Refused, "the org is locked"},
		{400, "inactive_org", "organization is locked, closed, or suspended", Refused, "the org is locked"},
		{400, "invalid_grant", "ip restricted or invalid login hours", Refused, "VPN"},
		{400, "invalid_grant", "IP restricted or invalid login hours", Refused, "IP restrictions"},
		{400, "invalid_grant", "invalid login hours", Refused, "hour"},
		{400, "invalid_grant", "user hasn't approved this consumer", Refused, "admin has to let this user"},
		{400, "invalid_grant", "user is not admin approved to access this app", Refused, "admin has to let this user"},
		{400, "app_not_found", "External client app is not installed in this org", Refused, "client_id"},
		{400, "invalid_grant", "request not supported on this domain", Refused, "login_url"},
		{400, "invalid_app_access", "user is not admin approved to access this app", Refused, "permitted users"},
		{400, "access_denied", "end-user denied authorization", Refused, "admin has to let this user"},
		{400, "invalid_grant", "no valid scopes defined", Refused, "scopes"},
		{400, "invalid_scope", "the requested scope is invalid, unknown, or malformed", Refused, "scopes"},
		{400, "invalid_client", "invalid client credentials", Refused, "Require Secret for Refresh Token Flow"},
		{401, "invalid_client", "invalid client credentials", Refused, "consumer secret"},
		{400, "invalid_client_credentials", "client secret invalid", Refused, "consumer secret"},
		{400, "invalid_client", "client identifier invalid", Refused, "client_id"},
		{400, "invalid_client_id", "client identifier invalid", Refused, "https://test.salesforce.com"},
		{400, "invalid_client", "app must be installed into org", Refused, "install it"},
		{400, "unauthorized_client", "", Refused, "refresh token flow"},
		{400, "unsupported_grant_type", "grant type not supported", Refused, "refresh token flow"},
		{400, "invalid_request", "must use HTTP POST", Refused, "proxy"},

		{400, "invalid_grant", "Audience validation failed", Refused, "did not use"},
		{400, "invalid_grant", "audience is invalid", Refused, "did not use"},
		{400, "invalid_grant", "invalid assertion", Refused, "did not use"},
		{400, "invalid_grant", "no client credentials user enabled", Refused, "did not use"},
		{400, "invalid_grant", "device flow is not enabled for the app", Refused, "did not use"},
		{400, "unsupported_response_type", "response type is not supported", Refused, "did not use"},
		{400, "unsupported_token_type", "this token type is not supported", Refused, "did not use"},
		{400, "redirect_uri_mismatch", "redirect_uri must match configuration", Refused, "did not use"},
		{400, "redirect_uri_missing", "", Refused, "did not use"},
		{400, "never_heard_of", "", Refused, "Login History"},
		{403, "OAUTH_APPROVAL_ERROR_GENERIC", "An unexpected error has occurred during authentication. Please try again.", Refused, "Login History"},

		// The status is about the server, with any body.
		{429, "invalid_grant", "slow down", Throttled, "wait some minutes"},
		{500, "server_error", "", ServerFault, "status.salesforce.com"},
		{503, "invalid_grant", "expired access/refresh token", ServerFault, "status.salesforce.com"},
	} {
		for _, cased := range []func(string) string{func(s string) string { return s }, strings.ToUpper, strings.ToTitle, odd} {
			code, description := cased(tt.code), cased(tt.description)
			for _, body := range errorBodies(t, code, description) {
				e := asError(t, transport.Response{Status: tt.status, Header: http.Header{}, Body: body})
				if e.Reason != tt.want || !strings.Contains(hints.Text(e.Remedy), tt.hint) {
					t.Errorf("%d %s %q: %s, hint %q; want %s, %q", tt.status, code, description, e.Reason, hints.Text(e.Remedy), tt.want, tt.hint)
				}
				if e.Status != tt.status || e.Code != code || e.Description != description {
					t.Errorf("%d %s %q is reported as %d %s %q", tt.status, code, description, e.Status, e.Code, e.Description)
				}
			}
		}
		reached[matchError(tt.code, tt.description)] = true
	}
	for _, row := range errorRules {
		if !reached[row] {
			t.Errorf("no answer matches the rule %s %q", row.code, row.contains)
		}
	}
}

// odd returns s in an unusual case: eXpIrEd.
func odd(s string) string {
	b := []byte(strings.ToLower(s))
	for i := 1; i < len(b); i += 2 {
		b[i] = strings.ToUpper(s[i : i+1])[0]
	}
	return string(b)
}

// TestNoRuleIsShadowed: no rule above a rule matches its sample.
func TestNoRuleIsShadowed(t *testing.T) {
	t.Parallel()
	wantNoShadow(t, errorRules)
}

func wantNoShadow(t *testing.T, rows []errorRule) {
	t.Helper()
	for _, row := range rows {
		for _, description := range []string{row.contains, row.sample} {
			if !strings.Contains(description, row.contains) {
				continue // there is no text
			}
			if got, _ := firstMatch(rows, row.code, description); got != row {
				t.Errorf("%s %q matches the rule %s %q", row.code, description, got.code, got.contains)
			}
		}
		if row.code != strings.ToLower(row.code) || row.contains != strings.ToLower(row.contains) {
			t.Errorf("%s %q can't match: it is not in lower case", row.code, row.contains)
		}
		if !strings.Contains(strings.ToLower(row.sample), row.contains) && row.sample != "" {
			t.Errorf("%q does not contain %q", row.sample, row.contains)
		}
	}
}

// TestAnswersWithoutError has answers of a gateway, or of a server in front of OAuth.
func TestAnswersWithoutError(t *testing.T) {
	t.Parallel()
	page := "<html>test-client-secret</html>"
	reached := map[statusRule]bool{}
	for _, tt := range []struct {
		status     int
		retryAfter string
		body       string
		want       Reason
		hint       string
	}{
		{200, "", page, Garbled, "proxy"},
		{200, "", "", Garbled, "proxy"},
		{200, "", "[]", Garbled, "proxy"},
		{200, "", `[{"access_token":"00Dxx!test_access_token","instance_url":"https://acme.my.salesforce.com"}]`, Garbled, "proxy"},
		{200, "", `[{"errorCode":7}]`, Garbled, "proxy"},
		{403, "", `[["errorCode"]]`, Refused, "network"},
		{403, "", `[{"errorCode":"A"},`, Refused, "network"},
		{200, "", `"access_token"`, Garbled, "proxy"},
		{200, "", `null`, Garbled, "proxy"},
		{204, "", "", Garbled, "proxy"},
		{301, "", "", Refused, "My Domain"},
		{302, "", page, Refused, "My Domain"},
		{308, "", "", Refused, "My Domain"},
		{400, "", page, Refused, "login_url"},
		{400, "", "", Refused, "login_url"},
		{400, "", `{"error":{"code":400}}`, Refused, "login_url"},
		{401, "", page, Refused, "network"},
		{403, "", page, Refused, "network"},
		{404, "", `{"message":"not found"}`, Refused, "site"},
		{405, "", "", Refused, "site"},
		{407, "", page, Refused, "HTTPS_PROXY"},
		{408, "", "", ServerFault, "try again"},
		{418, "", "", Refused, "login_url"},
		{429, "", "", Throttled, "wait"},
		{429, "7", page, Throttled, "wait"},
		{500, "", page, ServerFault, "status.salesforce.com"},
		{500, "7", "", ServerFault, "status.salesforce.com"},
		{502, "", page, ServerFault, "status.salesforce.com"},
		{503, "", "", ServerFault, "status.salesforce.com"},
		{503, "7", page, Throttled, "wait"},
		{504, "", "", ServerFault, "status.salesforce.com"},
		{999, "", "", ServerFault, "status.salesforce.com"},
	} {
		header := http.Header{}
		var wait time.Duration
		if tt.retryAfter != "" {
			header.Set("Retry-After", tt.retryAfter)
			wait = 7 * time.Second
		}
		e := asError(t, transport.Response{Status: tt.status, Header: header, Body: []byte(tt.body)})
		if e.Reason != tt.want || !strings.Contains(hints.Text(e.Remedy), tt.hint) || e.RetryAfter != wait {
			t.Errorf("%d %q: %s after %v, hint %q; want %s, %q", tt.status, tt.body, e.Reason, e.RetryAfter, hints.Text(e.Remedy), tt.want, tt.hint)
		}
		if text := e.Error() + hints.Text(e.Remedy) + e.Code + e.Description; strings.Contains(text, "test-") || strings.Contains(text, "html") {
			t.Errorf("%d: the error quotes the body", tt.status)
		}
		reached[matchStatus(tt.status, tt.retryAfter != "")] = true
	}
	for _, row := range statusRules {
		if !reached[row] {
			t.Errorf("no answer matches the rule for %d to %d", row.from, row.to)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "x": 0, "999999": time.Hour, "99999999999999999999": 0,
		"Tue, 24 Nov 2026 10:00:30 GMT": 30 * time.Second, "Tue, 24 Nov 2026 09:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
}
