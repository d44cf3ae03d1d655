package salesforce

// The tables that give failures their meaning. docs/errors.md is made of them.
//
//go:generate go test . -run ^TestErrorsDocument$ -update

var (
	busy = meaning{Busy,
		"Salesforce is refreshing the same grant for somebody else at this moment",
		"try again; a program that refreshes it by itself should ask forcecred instead"}
	throttled = meaning{Throttled,
		"Salesforce counts too many requests of this user or app, and did nothing with this one",
		"wait some minutes and try again, without --force: what is cached costs no request"}
	pending = meaning{Throttled,
		"Salesforce waits for the user to approve a login",
		"approve it, then try again"}
	requestsUsedUp = meaning{ServerFault,
		"the org has used up the API requests that its edition allows in 24 hours",
		"try again later, or ask a Salesforce admin to look at Setup, System Overview, API Usage; what is cached costs no request"}
	serverFault = meaning{ServerFault,
		"Salesforce, or a gateway before it, has a fault of its own",
		"try again in some minutes; https://status.salesforce.com tells of outages"}

	dead = meaning{GrantDead,
		"the refresh token was revoked, replaced by a newer one, or is too old for the app's policy",
		string(LogInAgain) + "; if that dies soon too, ask a Salesforce admin whether the user was frozen for an anonymising VPN or proxy (Salesforce does so since April 2026)"}
	loginNotAccepted = meaning{GrantDead,
		"Salesforce does not accept the login any more: the user, the user's permissions or the org's settings have changed",
		string(LogInAgain) + "; if that fails too, ask a Salesforce admin to look into Login History"}
	deadForWhateverReason = meaning{GrantDead,
		"Salesforce does not take the refresh token, for the reason that it gives",
		string(LogInAgain)}

	apiOff = meaning{Refused,
		"the API is switched off for the org, or for this user",
		"a Salesforce admin has to give the user the permission API Enabled; some editions have no API at all"}
	userInactive = meaning{Refused,
		"the user is deactivated or frozen",
		"a Salesforce admin has to activate the user; Salesforce itself freezes users of anonymising VPNs and proxies since April 2026"}
	orgInactive = meaning{Refused,
		"the org is locked, closed or suspended",
		"a Salesforce admin has to clear that with Salesforce"}
	barred = meaning{Refused,
		"Salesforce does not let this user in from this network, or at this hour",
		"use a network and an hour that the user's profile allows, without a VPN, or ask a Salesforce admin to relax the app's IP restrictions"}
	notApproved = meaning{Refused,
		"the user may not use the app",
		"a Salesforce admin has to let this user use it: External Client App (or Connected App) policies, permitted users"}
	notInstalled = meaning{Refused,
		"the app is not installed in the org; since September 2025 Salesforce blocks such apps",
		"a Salesforce admin has to install it, or to give the user the permission Approve Uninstalled Connected Apps"}
	wrongClient = meaning{Refused,
		"no app with this client_id is known where login_url leads",
		string(OtherClient) + "; sandboxes log in at https://test.salesforce.com or their My Domain"}
	wrongSecret = meaning{Refused,
		"client_secret is not the app's, or it is missing and the app requires one",
		string(OtherSecret) + ", which Salesforce Setup shows with the app; for a public client an admin has to switch off Require Secret for Refresh Token Flow"}
	wrongScopes = meaning{Refused,
		"the app has no OAuth scope that this request can use",
		"a Salesforce admin has to give the app the scopes it needs (api and refresh_token); then " + string(LogInAgain)}
	flowOff = meaning{Refused,
		"the app, or the org, does not allow refresh tokens to be spent",
		"a Salesforce admin has to allow the refresh token flow in the app's OAuth settings"}
	unreadable = meaning{Refused,
		"Salesforce can't make sense of the request, which something on the way may have changed",
		"check login_url and site, and whether a proxy rewrites requests"}
	otherFlow = meaning{Refused,
		"Salesforce speaks of an OAuth flow that was not asked for",
		"check login_url and site; if they are right, please report what Salesforce says"}
	unknown = meaning{Refused,
		"an error that forcecred does not know",
		"a Salesforce admin finds the reason in Setup, Login History; please report it, so that it gets a line here"}

	redirected = meaning{Refused,
		"the host sends us to another address, and secrets are not sent after it",
		string(OtherHost)}
	noEndpoint = meaning{Refused,
		"there is no token endpoint at this address",
		"check login_url and site; an Experience Cloud site needs its path (/partners) as site"}
	proxyLogin = meaning{Refused,
		"a proxy on the way wants a user and a password",
		"give them in HTTPS_PROXY, http://USER:PASSWORD@HOST:PORT"}
	turnedAway = meaning{Refused,
		"something before Salesforce, such as a proxy or a firewall, turns the request away",
		"ask whoever runs the network to let this machine reach the host of login_url"}
	notSalesforce = meaning{Refused,
		"the answer is not Salesforce's",
		"check login_url, and whether there is a proxy on the way"}
	noAnswer = meaning{Garbled,
		"what came back is no answer of Salesforce's",
		"check login_url, and whether a proxy or the sign-in page of a network is on the way"}

	foreignHost = meaning{Refused,
		"the access token would be sent to a host that is neither Salesforce's nor the one of login_url, so nothing of the answer is used but a new refresh token, if there is one",
		"find out who answers at login_url; an org at a host of your own needs \"allow_host\":true when it is stored, and has its instance at that host or below it"}
	wrongSignature = meaning{Refused,
		"the answer is not signed with the stored client_secret, so nothing of it is used but a new refresh token, if there is one",
		"check client_secret against the app, and whether a proxy changes answers on the way"}
	malformed = meaning{Garbled,
		"the answer has not the form that Salesforce's have, so nothing of it is used but a new refresh token, if there is one",
		"check whether something on the way changes answers; if not, please report it"}

	lost = meaning{Lost,
		"the request was sent, and no whole answer came back",
		"try again"}
)

// wordsRow matches an OAuth error.
type wordsRow struct {
	code  string // error, in lower case
	words string // what error_description must contain, in lower case; "" matches any
	text  string // error_description as it was seen, if that is more than the words
	meaning
}

// byWords is searched from the top; the first row that fits holds. Nearly all
// is invalid_grant, told apart by its description alone.
var byWords = []wordsRow{
	// One refresh token, two refreshes at once. Until Winter '25 the text was
	// that of another error.
	{"invalid_grant", "already being processed", "token request is already being processed", busy},
	{"invalid_grant", "expired authorization code", "", busy},
	{"invalid_grant", "rate exceeded", "login rate exceeded", throttled},

	{"invalid_grant", "expired access/refresh token", "", dead},
	{"invalid_grant", "token validity expired", "", dead},
	{"invalid_grant", "authentication failure", "", loginNotAccepted},

	{"invalid_grant", "inactive org", "", orgInactive},
	{"invalid_grant", "inactive", "inactive user", userInactive},
	{"invalid_grant", "ip restricted", "ip restricted or invalid login hours", barred},
	{"invalid_grant", "login hours", "invalid login hours", barred},
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
	{"invalid_request", "", "must use HTTP POST", unreadable},

	{"rate_limit_exceeded", "", "login rate exceeded", throttled},
	{"slow_down", "", "", throttled},
	{"authorization_pending", "", "", pending},
	{"server_error", "", "", serverFault},
	{"unknown_error", "retry", "retry your request", serverFault},
	{"temporarily_unavailable", "", "", serverFault},

	// Of the REST API, in its own form: [{"errorCode":…,"message":…}].
	{"request_limit_exceeded", "", "TotalRequests Limit exceeded.", requestsUsedUp},
	{"exceeded_rate_limit", "", "", serverFault},
	{"unknown_exception", "", "An unexpected error occurred.", serverFault},
	{"server_unavailable", "", "", serverFault},
	{"request_running_too_long", "", "", serverFault},
	{"api_currently_disabled", "", "", serverFault},
	{"api_disabled_for_org", "", "The REST API is not enabled for this Organization.", apiOff},
	{"org_locked", "", "", orgInactive},
	{"trial_expired", "", "", orgInactive},
	{"login_during_restricted_domain", "", "", barred},
	{"login_during_restricted_time", "", "", barred},
	{"inactive_owner_or_user", "", "", userInactive},

	// Not of the refresh of a token.
	{"invalid_session_id", "", "Session expired or invalid", otherFlow},
	{"invalid_grant", "audience", "audience validation failed", otherFlow},
	{"invalid_grant", "assertion", "invalid assertion", otherFlow},
	{"invalid_grant", "client credentials user", "no client credentials user enabled", otherFlow},
	{"invalid_grant", "not supported on this domain", "request not supported on this domain", otherFlow},
	{"invalid_grant", "device flow", "device flow is not enabled for the app", otherFlow},
	{"unsupported_response_type", "", "response type is not supported", otherFlow},
	{"unsupported_token_type", "", "this token type is not supported", otherFlow},
	{"redirect_uri_mismatch", "", "redirect_uri must match configuration", otherFlow},
	{"redirect_uri_missing", "", "", otherFlow},

	// All that is left of invalid_grant is final.
	{"invalid_grant", "", "", deadForWhateverReason},
	{"invalid_token", "", "", deadForWhateverReason},
}

// statusRow matches an answer by its status.
type statusRow struct {
	from, to   int
	retryAfter bool // only with a Retry-After header
	meaning
}

// byStatus is for answers without an OAuth error, and for those that are about
// the server and not about the request, whatever they hold. The first row that
// fits holds.
var byStatus = []statusRow{
	{429, 429, false, throttled},
	{503, 503, true, throttled}, // turned away at the door
	{500, 999, false, serverFault},
	{408, 408, false, serverFault}, // a gateway's words for "no answer"
	{407, 407, false, proxyLogin},
	{404, 405, false, noEndpoint},
	{401, 401, false, turnedAway},
	{403, 403, false, turnedAway},
	{400, 499, false, notSalesforce},
	{300, 399, false, redirected},
}
