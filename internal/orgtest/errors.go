package orgtest

import "net/http"

// Error is an OAuth error of the token endpoint.
type Error struct {
	Name        string // its name in tables and scripts
	Code        string // error
	Description string // error_description; "" leaves it out
	Status      int    // HTTP status; 0 is 400
}

// Errors are the known errors of Salesforce. Most are invalid_grant, and differ only in
// their description. The spelling is that of real answers, if one is known.
var Errors = []Error{
	{"expired-token", "invalid_grant", "expired access/refresh token", http.StatusBadRequest},
	{"busy", "invalid_grant", "token request is already being processed", http.StatusBadRequest},
	{"busy-old-text", "invalid_grant", "expired authorization code", http.StatusBadRequest},
	{"inactive-user", "invalid_grant", "inactive user", http.StatusBadRequest},
	{"inactive-org", "invalid_grant", "inactive org", http.StatusBadRequest},
	{"inactive-user-code", "inactive_user", "user is inactive", http.StatusBadRequest},
	{"inactive-org-code", "inactive_org", "organization is inactive", http.StatusBadRequest},
	{"ip-restricted", "invalid_grant", "ip restricted or invalid login hours", http.StatusBadRequest},
	{"ip-restricted-upper-case", "invalid_grant", "IP restricted or invalid login hours", http.StatusBadRequest},
	{"authentication-failure", "invalid_grant", "authentication failure", http.StatusBadRequest},
	{"user-credentials", "invalid_grant", "invalid user credentials", http.StatusBadRequest},
	{"not-approved", "invalid_grant", "user hasn't approved this consumer", http.StatusBadRequest},
	{"audience-failed", "invalid_grant", "Audience validation failed", http.StatusBadRequest},
	{"audience-invalid", "invalid_grant", "audience is invalid", http.StatusBadRequest},
	{"assertion-invalid", "invalid_grant", "invalid assertion", http.StatusBadRequest},
	{"no-run-as-user", "invalid_grant", "no client credentials user enabled", http.StatusBadRequest},
	{"wrong-domain", "invalid_grant", "request not supported on this domain", http.StatusBadRequest},
	{"no-valid-scopes", "invalid_grant", "no valid scopes defined", http.StatusBadRequest},
	{"token-validity-expired", "invalid_grant", "token validity expired", http.StatusBadRequest},
	{"device-flow-off", "invalid_grant", "device flow is not enabled for the app", http.StatusBadRequest},
	{"login-rate", "invalid_grant", "login rate exceeded", http.StatusBadRequest},
	{"invalid-client", "invalid_client", "invalid client credentials", http.StatusBadRequest},
	{"invalid-client-401", "invalid_client", "invalid client credentials", http.StatusUnauthorized},
	{"invalid-client-credentials", "invalid_client_credentials", "client secret invalid", http.StatusBadRequest},
	{"invalid-client-identifier", "invalid_client", "client identifier invalid", http.StatusBadRequest},
	{"app-not-installed", "invalid_client", "app must be installed into org", http.StatusBadRequest},
	{"invalid-client-id", "invalid_client_id", "client identifier invalid", http.StatusBadRequest},
	{"app-not-found", "app_not_found", "External client app is not installed in this org", http.StatusBadRequest},
	{"not-admin-approved", "invalid_app_access", "user is not admin approved to access this app", http.StatusBadRequest},
	{"unsupported-grant-type", "unsupported_grant_type", "grant type not supported", http.StatusBadRequest},
	{"invalid-request", "invalid_request", "must use HTTP POST", http.StatusBadRequest},
	{"redirect-uri-mismatch", "redirect_uri_mismatch", "redirect_uri must match configuration", http.StatusBadRequest},
	{"invalid-scope", "invalid_scope", "the requested scope is invalid, unknown, or malformed", http.StatusBadRequest},
	{"unauthorized-client", "unauthorized_client", "", http.StatusBadRequest},
	{"access-denied", "access_denied", "end-user denied authorization", http.StatusBadRequest},
	{"unsupported-response-type", "unsupported_response_type", "response type is not supported", http.StatusBadRequest},
	{"unsupported-token-type", "unsupported_token_type", "this token type is not supported", http.StatusBadRequest},
	{"invalid-token", "invalid_token", "", http.StatusBadRequest},
	{"authorization-pending", "authorization_pending", "", http.StatusBadRequest},
	{"slow-down", "slow_down", "", http.StatusBadRequest},
	{"rate-limit", "rate_limit_exceeded", "login rate exceeded", http.StatusBadRequest},
	{"server-error", "server_error", "", http.StatusInternalServerError},
	{"retry-your-request", "unknown_error", "retry your request", http.StatusBadRequest},
	{"temporarily-unavailable", "temporarily_unavailable", "", http.StatusBadRequest},
}

// Fault returns the fault that answers with e and processes nothing.
func (e Error) Fault() Fault { return Fault{Error: e} }

// refuse returns the answer that the named row describes.
func refuse(name string) answer {
	for _, e := range Errors {
		if e.Name == name {
			return e.answer()
		}
	}
	panic("orgtest: no error is named " + name)
}

func (e Error) answer() answer {
	a := answer{status: e.Status, fields: []field{{"error", e.Code}}}
	if a.status == 0 {
		a.status = http.StatusBadRequest
	}
	if e.Description != "" {
		a.fields = append(a.fields, field{"error_description", e.Description})
	}
	return a
}
