package salesforce

// The rules for grants other than a refresh token.

var (
	assertionEnded = class{Refused,
		"the assertion had ended when Salesforce read it, though it is good for a minute and a half",
		"check this machine's clock"}
	wrongAssertion = class{Refused,
		"Salesforce does not accept the signed assertion: the private key is not the one whose certificate the app has, or a clock is off",
		"check client_id, the private key and this machine's clock; a Salesforce admin uploads the key's certificate to the app (Enable JWT Bearer Flow, or Use digital signatures)"}
	wrongAudience = class{Refused,
		"the assertion was made for another host than Salesforce wants",
		string(OtherAudience) + ", or the org's My Domain, https://NAME.my.salesforce.com, as login URL"}
	notPreapproved = class{Refused,
		"no admin has approved that the app stands for this user, or there is no such user in the org of login_url",
		"check username; a Salesforce admin sets the app's policy to Admin approved users are pre-authorized, and gives the user one of its profiles or permission sets"}
	assertionRefused = class{Refused,
		"Salesforce does not take the assertion, for the reason that it gives",
		"check client_id, username, login_url and the private key; a Salesforce admin finds more in Setup, Login History"}
	assertionFlowOff = class{Refused,
		"the app, or the org, does not allow the JWT bearer flow",
		"a Salesforce admin has to enable it in the app's OAuth settings, with the key's certificate"}

	needsMyDomain = class{Refused,
		"Salesforce takes client credentials at the org's own host alone",
		string(OtherHost)}
	noRunAsUser = class{Refused,
		"nobody has chosen the user that the app is to be in the org",
		"a Salesforce admin has to set Run As in the app's policies, under Client Credentials Flow, to a user with the permission API Enabled"}
	wrongClientSecret = class{Refused,
		"client_secret is not the app's",
		string(OtherSecret) + ", which Salesforce Setup shows with the app"}
	clientRefused = class{Refused,
		"Salesforce does not take the client's credentials, for the reason that it gives",
		"check client_id, client_secret and login_url; a Salesforce admin finds more in Setup, Login History"}
	clientFlowOff = class{Refused,
		"the app, or the org, does not allow the client credentials flow",
		"a Salesforce admin has to enable it in the app's OAuth settings"}

	clientNotFound = class{Refused,
		"no app with this client_id is known in the org of login_url",
		string(OtherClient) + ", the org's My Domain, https://NAME.my.salesforce.com; a new app is known after some ten minutes"}
	appNotFound = class{Refused,
		"no External Client App with this client_id is known where login_url leads",
		string(OtherHost) + ", which such apps need since Spring '26; if it is that, a Salesforce admin has to install the app"}
	noScopes = class{Refused,
		"the app has no OAuth scope that this request can use",
		"a Salesforce admin has to give the app the scopes it needs (api)"}
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
