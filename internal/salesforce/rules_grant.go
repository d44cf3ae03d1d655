package salesforce

// The rules for grants other than a refresh token.

var (
	assertionEnded = class{Refused,
		"the assertion had ended when Salesforce read it, though it is good for a minute and a half",
		"check_clock"}
	wrongAssertion = class{Refused,
		"Salesforce does not accept the signed assertion: the private key is not the one whose certificate the app has, or a clock is off",
		"check_assertion"}
	wrongAudience = class{Refused,
		"the assertion was made for another host than Salesforce wants",
		"other_audience"}
	notPreapproved = class{Refused,
		"no admin has approved that the app stands for this user, or there is no such user in the org of login_url",
		"preapprove_user"}
	assertionRefused = class{Refused,
		"Salesforce does not take the assertion, for the reason that it gives",
		"check_assertion_fields"}
	assertionFlowOff = class{Refused,
		"the app, or the org, does not allow the JWT bearer flow",
		"enable_jwt_flow"}

	needsMyDomain = class{Refused,
		"Salesforce takes client credentials at the org's own host alone",
		"other_host"}
	noRunAsUser = class{Refused,
		"nobody has chosen the user that the app is to be in the org",
		"set_run_as"}
	wrongClientSecret = class{Refused,
		"client_secret is not the app's",
		"other_client_secret"}
	clientRefused = class{Refused,
		"Salesforce does not take the client's credentials, for the reason that it gives",
		"check_client_fields"}
	clientFlowOff = class{Refused,
		"the app, or the org, does not allow the client credentials flow",
		"enable_client_flow"}

	clientNotFound = class{Refused,
		"no app with this client_id is known in the org of login_url",
		"other_client_here"}
	appNotFound = class{Refused,
		"no External Client App with this client_id is known where login_url leads",
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
