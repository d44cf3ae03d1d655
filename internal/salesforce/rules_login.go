package salesforce

// The rules for a login in the browser, which has no refresh token yet.

var (
	codeExpired = class{GrantDead,
		"the code that Salesforce gave the browser is already used, or older than 15 minutes",
		"run_login_again"}
	loginRefused = class{GrantDead,
		"Salesforce refuses the login, for the reason in its answer",
		"run_login_or_ask"}
	verifierMismatch = class{Refused,
		"the code belongs to another request than forcecred's",
		"run_login_unrewritten"}
	callbackMismatch = class{Refused,
		"none of the app's callback URLs is exactly the one at which forcecred listens",
		"add_callback"}
	consentDenied = class{Refused,
		"the user or the app's policy denied the access in the browser",
		"allow_access"}
	appBlocked = class{Refused,
		"a Salesforce admin has blocked the app, or the org blocks apps that are not installed in it (since September 2025)",
		"unblock_app"}
	appNotInOrg = class{Refused,
		"the app is not installed in the org that the browser logged in to",
		"log_in_at_my_domain"}
	approvalFailed = class{Refused,
		"Salesforce could not finish the approval, and does not say why; most often the app is not installed in the org, or the user may not use it",
		"see_login_history"}
	loginScopes = class{Refused,
		"the app does not have all OAuth scopes that the login requests",
		"ask_other_scopes"}
	loginSecret = class{Refused,
		"client_secret is wrong, or it is missing and the app requires one",
		"log_in_with_secret"}
	loginClient = class{Refused,
		"Salesforce knows no app with this client_id at the login URL",
		"check_login_client"}
	loginFlowOff = class{Refused,
		"the app does not allow users to log in by the authorization code flow",
		"enable_code_flow"}
	noRefreshToken = class{Refused,
		"the app issues no refresh token, and without one the login ends with the session",
		"give_refresh_scope"}
	wrongIDToken = class{Refused,
		"the answer has the ID token of another login, so forcecred stores nothing of it",
		"check_id_token"}
)

// loginRules come before errorRules during a login. The redirect of the browser and
// the answer of the token endpoint have the same errors.
var loginRules = []errorRule{
	{"invalid_grant", "expired authorization code", "", codeExpired},
	{"invalid_grant", "invalid authorization code", "", codeExpired},
	{"invalid_grant", "code verifier", "invalid code verifier", verifierMismatch},
	{"invalid_request", "code challenge", "missing required code challenge", verifierMismatch},
	{"redirect_uri_mismatch", "", "redirect_uri must match configuration", callbackMismatch},
	{"redirect_uri_missing", "", "", callbackMismatch},
	{"access_denied", "", "end-user denied authorization", consentDenied},
	{"oauth_app_blocked", "", "this app is blocked by admin", appBlocked},
	{"oauth_app_access_denied", "", "user is not admin approved to access this app", notApproved},
	{"oauth_authorization_blocked", "", "", notApproved},
	{"oauth_ec_app_not_found", "", "external client app is not installed in this org", appNotInOrg},
	{"oauth_approval_error_generic", "", "an unexpected error has occurred during authentication", approvalFailed},
	{"invalid_scope", "", "the requested scope is invalid, unknown, or malformed", loginScopes},
	{"invalid_client", "app must be installed", "app must be installed into org", notInstalled},
	{"invalid_client", "client identifier invalid", "", loginClient},
	{"invalid_client", "", "invalid client credentials", loginSecret},
	{"invalid_client_credentials", "", "", loginSecret},
	{"invalid_client_id", "", "client identifier invalid", loginClient},
	{"unauthorized_client", "", "", loginFlowOff},
	{"unsupported_response_type", "", "response type is not supported", loginFlowOff},
	{"unsupported_grant_type", "", "grant type not supported", loginFlowOff},
}
