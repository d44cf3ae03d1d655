package salesforce

// The rules for grants other than a refresh token.

var (
	assertionEnded = class{Refused,
		"the assertion expired before Salesforce read it, although it is valid for a minute and a half",
		"check_clock"}
	wrongAssertion = class{Refused,
		"Salesforce does not accept the signed assertion: the private key does not match the app's certificate, or a clock is wrong",
		"check_assertion"}
	wrongAudience = class{Refused,
		"the assertion is for another audience than Salesforce requires",
		"other_audience"}
	notPreapproved = class{Refused,
		"no admin has approved that the app acts for this user, or the org of login_url has no such user",
		"preapprove_user"}
	assertionRefused = class{Refused,
		"Salesforce refuses the assertion, for the reason in its answer",
		"check_assertion_fields"}
	assertionFlowOff = class{Refused,
		"the app or the org does not allow the JWT bearer flow",
		"enable_jwt_flow"}

	needsMyDomain = class{Refused,
		"Salesforce accepts client credentials only at the org's own host",
		"other_host"}
	noRunAsUser = class{Refused,
		"no admin has chosen the user as whom the app acts in the org",
		"set_run_as"}
	wrongClientSecret = class{Refused,
		"client_secret is wrong",
		"other_client_secret"}
	clientRefused = class{Refused,
		"Salesforce refuses the client's credentials, for the reason in its answer",
		"check_client_fields"}
	clientFlowOff = class{Refused,
		"the app or the org does not allow the client credentials flow",
		"enable_client_flow"}

	clientNotFound = class{Refused,
		"the org of login_url knows no app with this client_id",
		"other_client_here"}
	appNotFound = class{Refused,
		"Salesforce knows no External Client App with this client_id at login_url",
		"other_host_or_install"}
	noScopes = class{Refused,
		"the app has no OAuth scope that this request can use",
		"give_api_scope"}
)

// assertionRules come before errorRules if the request had an assertion.
var assertionRules = []errorRule{
	{"invalid_grant", "expired authorization code", "", assertionEnded}, // seen after the assertion's exp had passed
	{"invalid_grant", "audience", "audience is invalid", wrongAudience},
	{"invalid_grant", "assertion", "invalid assertion", wrongAssertion},
	{"invalid_grant", "approved this consumer", "user hasn't approved this consumer", notPreapproved},
	{"invalid_grant", "no valid scopes defined", "", noScopes},
	{"app_not_found", "", "External client app is not installed in this org", appNotFound},
	{"invalid_client", "app must be installed", "app must be installed into org", notInstalled},
	{"invalid_client", "client identifier invalid", "", clientNotFound},
	{"invalid_client_id", "", "client identifier invalid", clientNotFound},
	{"invalid_client", "", "invalid client credentials", wrongAssertion},
	{"invalid_client_credentials", "", "", wrongAssertion},
	{"invalid_scope", "", "the requested scope is invalid, unknown, or malformed", noScopes},
	{"unauthorized_client", "", "", assertionFlowOff},
	{"unsupported_grant_type", "", "grant type not supported", assertionFlowOff},
}

// clientRules come before errorRules if the request had a client's own credentials.
var clientRules = []errorRule{
	{"invalid_grant", "not supported on this domain", "request not supported on this domain", needsMyDomain},
	{"invalid_grant", "client credentials user", "no client credentials user enabled", noRunAsUser},
	{"invalid_grant", "no valid scopes defined", "", noScopes},
	{"app_not_found", "", "External client app is not installed in this org", appNotFound},
	{"invalid_client", "app must be installed", "app must be installed into org", notInstalled},
	{"invalid_client", "client identifier invalid", "", clientNotFound},
	{"invalid_client_id", "", "client identifier invalid", clientNotFound},
	{"invalid_client", "", "invalid client credentials", wrongClientSecret},
	{"invalid_client_credentials", "", "", wrongClientSecret},
	{"invalid_scope", "", "the requested scope is invalid, unknown, or malformed", noScopes},
	{"unauthorized_client", "", "", clientFlowOff},
	{"unsupported_grant_type", "", "grant type not supported", clientFlowOff},
}
