package salesforce

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// meaning is one row of the table that gives Salesforce's refusals their meaning.
type meaning struct {
	code        string // error, in lower case
	description string // what error_description must contain, in lower case; "" matches any
	reason      Reason
	hint        string
}

// Hints that several rows share.
const (
	hintSignIn = "the user has to sign in again; store the new refresh token with `forcecred store`"
	hintClient = "check client_id and client_secret against the app in Salesforce, and that login_url is the org's (sandboxes log in at https://test.salesforce.com or their My Domain)"
	hintAdmin  = "a Salesforce admin has to let this user use the app (Setup, External Client App or Connected App policies)"
	hintUser   = "a Salesforce admin has to activate the user or the org"
	hintApp    = "a Salesforce admin has to change the app's OAuth settings"
	hintIP     = "Salesforce does not let this user in from this network or at this hour; since April 2026 it also blocks anonymising VPNs and proxies, and revokes the user's tokens"
)

// meanings is searched from the top; the first row that matches holds.
var meanings = []meaning{
	// One refresh token, two refreshes at once. Until Winter '25 the text was
	// that of another error.
	{"invalid_grant", "already being processed", Busy, ""},
	{"invalid_grant", "expired authorization code", Busy, ""},

	{"invalid_grant", "inactive", Refused, hintUser},
	{"inactive_user", "", Refused, hintUser},
	{"inactive_org", "", Refused, hintUser},
	{"invalid_grant", "ip restricted", Refused, hintIP},
	{"invalid_grant", "login hours", Refused, hintIP},
	{"invalid_grant", "hasn't approved this consumer", Refused, hintAdmin},
	{"invalid_grant", "audience", Refused, hintApp},
	{"invalid_grant", "assertion", Refused, hintApp},
	{"invalid_grant", "no client credentials user enabled", Refused, hintApp},
	{"invalid_grant", "no valid scopes defined", Refused, hintApp},
	{"invalid_grant", "token validity expired", Refused, hintApp},
	{"invalid_grant", "device flow is not enabled", Refused, hintApp},
	{"invalid_grant", "rate exceeded", Throttled, ""},
	{"invalid_grant", "", GrantDead, hintSignIn},

	{"invalid_client", "app must be installed", Refused, "a Salesforce admin has to install the app in the org; since September 2025 apps that are not installed are blocked"},
	{"invalid_client", "", Refused, hintClient},
	{"invalid_client_id", "", Refused, hintClient},
	{"invalid_app_access", "", Refused, hintAdmin},
	{"access_denied", "", Refused, hintAdmin},
	{"unauthorized_client", "", Refused, hintApp},
	{"unsupported_grant_type", "", Refused, hintApp},
	{"unsupported_response_type", "", Refused, hintApp},
	{"unsupported_token_type", "", Refused, hintApp},
	{"invalid_scope", "", Refused, hintApp},
	{"invalid_token", "", GrantDead, hintSignIn},
	{"redirect_uri_mismatch", "", Refused, hintApp},

	{"rate_limit_exceeded", "", Throttled, ""},
	{"server_error", "", ServerFault, ""},
	{"temporarily_unavailable", "", ServerFault, ""},
}

const hintForeign = "the access token would be sent to a host that is not Salesforce's; nothing of this answer is used"

const hintUnknown = "see the app's login history in Salesforce Setup for the reason"

// refusal returns the error that an answer means.
func refusal(resp response, code, description string, err error) *Error {
	e := &Error{Status: resp.status, Code: code, Description: description, RetryAfter: retryAfter(resp.header, time.Now()), Err: err}
	e.Reason, e.Hint = lookup(code, description, resp.status)
	if resp.status == http.StatusServiceUnavailable && e.RetryAfter > 0 {
		e.Reason = Throttled // turned away at the door
	}
	return e
}

// lookup returns what an OAuth error means. The status decides only where
// Salesforce's words say nothing: it sends nearly all refusals with 400.
func lookup(code, description string, status int) (Reason, string) {
	code, description = strings.ToLower(code), strings.ToLower(description)
	if code == "" || status == http.StatusTooManyRequests || status >= 500 {
		return byStatus(status)
	}
	for _, m := range meanings {
		if m.code == code && strings.Contains(description, m.description) {
			return m.reason, m.hint
		}
	}
	return Refused, hintUnknown
}

// byStatus returns what an answer without an OAuth error means.
func byStatus(status int) (Reason, string) {
	switch {
	case status == http.StatusTooManyRequests:
		return Throttled, ""
	case status >= 500:
		return ServerFault, ""
	case status >= 400:
		return Refused, "the answer is not Salesforce's; is login_url the org's, and is there a proxy on the way?"
	case status >= 300:
		return Refused, "redirects are not followed; set login_url to the org's My Domain, https://NAME.my.salesforce.com"
	}
	return Garbled, "the answer is not Salesforce's; is there a proxy or a sign-in page on the way?"
}

// maxRetryAfter bounds what a Retry-After header can make us wait.
const maxRetryAfter = time.Hour

// retryAfter reads the Retry-After header: seconds, or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	var wait time.Duration
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
