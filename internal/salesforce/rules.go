package salesforce

// The rules that classify failures. docs/errors.md is generated from them.
//
//go:generate go test . -run ^TestErrorsDocument$ -update

var (
	busy = class{Busy,
		"Salesforce is refreshing the same grant for another caller at this moment",
		"busy"}
	throttled = class{Throttled,
		"Salesforce received too many requests of this user or app, and did not process this one",
		"throttled"}
	pending = class{Throttled,
		"Salesforce waits for the user to approve a login",
		"approve"}
	requestsUsedUp = class{ServerFault,
		"the org has used all API requests that its edition allows in 24 hours",
		"requests_used_up"}
	serverFault = class{ServerFault,
		"Salesforce, or a gateway in front of it, has an internal error",
		"server_fault"}

	refreshTokenExpired = class{GrantDead,
		"the refresh token was revoked, replaced by a newer one, or is too old for the app's policy",
		"dead"}
	grantRefused = class{GrantDead,
		"Salesforce no longer accepts the login: the user, the user's permissions or the org's settings have changed",
		"login_not_accepted"}
	refreshTokenRefused = class{GrantDead,
		"Salesforce refuses the refresh token, for the reason in its answer",
		"log_in_again"}

	apiOff = class{Refused,
		"the API is disabled for the org or for this user",
		"enable_api"}
	userInactive = class{Refused,
		"the user is deactivated or frozen",
		"activate_user"}
	orgInactive = class{Refused,
		"the org is locked, closed or suspended",
		"activate_org"}
	accessRestricted = class{Refused,
		"the user may not log in from this network or at this hour",
		"other_network"}
	notApproved = class{Refused,
		"the user may not use the app",
		"approve_app"}
	notInstalled = class{Refused,
		"the app is not installed in the org; since September 2025 Salesforce blocks such apps",
		"install_app"}
	wrongClient = class{Refused,
		"Salesforce knows no app with this client_id at login_url",
		"other_client"}
	wrongSecret = class{Refused,
		"client_secret is wrong, or it is missing and the app requires one",
		"other_secret"}
	wrongScopes = class{Refused,
		"the app has no OAuth scope that this request can use",
		"give_scopes"}
	flowOff = class{Refused,
		"the app or the org does not allow the refresh token flow",
		"enable_refresh_flow"}
	requestUnreadable = class{Refused,
		"Salesforce cannot read the request; something on the way may have changed it",
		"check_rewriting"}
	unexpectedFlow = class{Refused,
		"the error belongs to an OAuth flow that forcecred did not use",
		"check_flow"}
	unknown = class{Refused,
		"forcecred does not know this error",
		"report_unknown"}

	redirected = class{Refused,
		"the host redirects to another address, and forcecred sends no secrets there",
		"other_host"}
	noEndpoint = class{Refused,
		"there is no token endpoint at this address",
		"check_endpoint"}
	proxyAuthRequired = class{Refused,
		"a proxy on the way requires a user name and a password",
		"log_in_to_proxy"}
	requestBlocked = class{Refused,
		"something in front of Salesforce, such as a proxy or a firewall, blocks the request",
		"open_network"}
	notSalesforce = class{Refused,
		"the answer is not from Salesforce",
		"check_answerer"}
	notAnswer = class{Garbled,
		"the answer is not an OAuth answer of Salesforce",
		"check_network_login"}

	foreignHost = class{Refused,
		"the access token would be sent to a host that is neither Salesforce's nor the one of login_url, so forcecred uses nothing of the answer but a new refresh token",
		"check_foreign_host"}
	wrongSignature = class{Refused,
		"the answer is not signed with the stored client_secret, so forcecred uses nothing of it but a new refresh token",
		"check_signature"}
	malformed = class{Garbled,
		"the answer does not have the form of Salesforce's answers, so forcecred uses nothing of it but a new refresh token",
		"check_answer"}
)

// errorRules classifies an OAuth error by the first rule that matches. The code is
// invalid_grant mostly, so that the description alone decides.
var errorRules = []errorRule{
	// Two refreshes of one token at once. Until Winter '25 Salesforce described it with
	// the text of another error.
	{"invalid_grant", "already being processed", "token request is already being processed", busy},
	{"invalid_grant", "expired authorization code", "", busy},
	{"invalid_grant", "rate exceeded", "login rate exceeded", throttled},

	{"invalid_grant", "expired access/refresh token", "", refreshTokenExpired},
	{"invalid_grant", "token validity expired", "", refreshTokenExpired},
	{"invalid_grant", "authentication failure", "", grantRefused},

	{"invalid_grant", "inactive org", "", orgInactive},
	{"invalid_grant", "inactive", "inactive user", userInactive},
	{"invalid_grant", "ip restricted", "ip restricted or invalid login hours", accessRestricted},
	{"invalid_grant", "login hours", "invalid login hours", accessRestricted},
	{"invalid_grant", "approved this consumer", "user hasn't approved this consumer", notApproved},
	{"invalid_grant", "not admin approved", "user is not admin approved to access this app", notApproved},
	{"invalid_grant", "no valid scopes defined", "", wrongScopes},

	{"inactive_user", "", "user is inactive", userInactive},
	{"inactive_org", "", "organization is inactive", orgInactive},
	{"invalid_client", "app must be installed", "app must be installed into org", notInstalled},
	{"invalid_client", "client identifier invalid", "", wrongClient},
	{"invalid_client", "", "invalid client credentials", wrongSecret},
	{"invalid_client_credentials", "", "", wrongSecret},
	{"invalid_client_id", "", "client identifier invalid", wrongClient},
	{"app_not_found", "", "External client app is not installed in this org", wrongClient},
	{"invalid_app_access", "", "user is not admin approved to access this app", notApproved},
	{"access_denied", "", "end-user denied authorization", notApproved},
	{"invalid_scope", "", "the requested scope is invalid, unknown, or malformed", wrongScopes},
	{"unauthorized_client", "", "", flowOff},
	{"unsupported_grant_type", "", "grant type not supported", flowOff},
	{"invalid_request", "", "must use HTTP POST", requestUnreadable},

	{"rate_limit_exceeded", "", "login rate exceeded", throttled},
	{"slow_down", "", "", throttled},
	{"authorization_pending", "", "", pending},
	{"server_error", "", "", serverFault},
	{"unknown_error", "retry", "retry your request", serverFault},
	{"temporarily_unavailable", "", "", serverFault},

	// Errors of the REST API, in its own format: [{"errorCode":…,"message":…}].
	{"request_limit_exceeded", "", "TotalRequests Limit exceeded.", requestsUsedUp},
	{"exceeded_rate_limit", "", "", serverFault},
	{"unknown_exception", "", "An unexpected error occurred.", serverFault},
	{"server_unavailable", "", "", serverFault},
	{"request_running_too_long", "", "", serverFault},
	{"api_currently_disabled", "", "", serverFault},
	{"api_disabled_for_org", "", "The REST API is not enabled for this Organization.", apiOff},
	{"org_locked", "", "", orgInactive},
	{"trial_expired", "", "", orgInactive},
	{"login_during_restricted_domain", "", "", accessRestricted},
	{"login_during_restricted_time", "", "", accessRestricted},
	{"inactive_owner_or_user", "", "", userInactive},

	// Errors of other requests than a refresh.
	{"invalid_session_id", "", "Session expired or invalid", unexpectedFlow},
	{"invalid_grant", "audience", "audience validation failed", unexpectedFlow},
	{"invalid_grant", "assertion", "invalid assertion", unexpectedFlow},
	{"invalid_grant", "client credentials user", "no client credentials user enabled", unexpectedFlow},
	{"invalid_grant", "not supported on this domain", "request not supported on this domain", unexpectedFlow},
	{"invalid_grant", "device flow", "device flow is not enabled for the app", unexpectedFlow},
	{"unsupported_response_type", "", "response type is not supported", unexpectedFlow},
	{"unsupported_token_type", "", "this token type is not supported", unexpectedFlow},
	{"redirect_uri_mismatch", "", "redirect_uri must match configuration", unexpectedFlow},
	{"redirect_uri_missing", "", "", unexpectedFlow},

	// Any other invalid_grant is final.
	{"invalid_grant", "", "", refreshTokenRefused},
	{"invalid_token", "", "", refreshTokenRefused},
}

// statusRules classifies an answer without an OAuth error, and any answer whose
// status is about the server and not about the request. The first rule that matches
// decides.
var statusRules = []statusRule{
	{429, 429, false, throttled},
	{503, 503, true, throttled}, // the server did not process the request
	{500, 999, false, serverFault},
	{408, 408, false, serverFault}, // a gateway got no answer
	{407, 407, false, proxyAuthRequired},
	{404, 405, false, noEndpoint},
	{401, 401, false, requestBlocked},
	{403, 403, false, requestBlocked},
	{400, 499, false, notSalesforce},
	{300, 399, false, redirected},
}
