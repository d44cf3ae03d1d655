package salesforce

// What Salesforce's words mean where no refresh token was spent.

var (
	assertionEnded = meaning{Refused,
		"the assertion had ended when Salesforce read it, though it is good for a minute and a half",
		"check this machine's clock"}
	wrongAssertion = meaning{Refused,
		"Salesforce does not accept the signed assertion: the private key is not the one whose certificate the app has, or a clock is off",
		"check client_id, the private key and this machine's clock; a Salesforce admin uploads the key's certificate to the app (Enable JWT Bearer Flow, or Use digital signatures)"}
	wrongAudience = meaning{Refused,
		"the assertion was made for another host than Salesforce wants",
		string(OtherAudience) + ", or the org's My Domain, https://NAME.my.salesforce.com, as login URL"}
	notPreapproved = meaning{Refused,
		"no admin has approved that the app stands for this user, or there is no such user in the org of login_url",
		"check username; a Salesforce admin sets the app's policy to Admin approved users are pre-authorized, and gives the user one of its profiles or permission sets"}
	assertionNotTaken = meaning{Refused,
		"Salesforce does not take the assertion, for the reason that it gives",
		"check client_id, username, login_url and the private key; a Salesforce admin finds more in Setup, Login History"}
	assertionFlowOff = meaning{Refused,
		"the app, or the org, does not allow the JWT bearer flow",
		"a Salesforce admin has to enable it in the app's OAuth settings, with the key's certificate"}

	needsMyDomain = meaning{Refused,
		"Salesforce takes client credentials at the org's own host alone",
		string(OtherHost)}
	noRunAsUser = meaning{Refused,
		"nobody has chosen the user that the app is to be in the org",
		"a Salesforce admin has to set Run As in the app's policies, under Client Credentials Flow, to a user with the permission API Enabled"}
	wrongClientSecret = meaning{Refused,
		"client_secret is not the app's",
		string(OtherSecret) + ", which Salesforce Setup shows with the app"}
	clientNotTaken = meaning{Refused,
		"Salesforce does not take the client's credentials, for the reason that it gives",
		"check client_id, client_secret and login_url; a Salesforce admin finds more in Setup, Login History"}
	clientFlowOff = meaning{Refused,
		"the app, or the org, does not allow the client credentials flow",
		"a Salesforce admin has to enable it in the app's OAuth settings"}

	unknownHere = meaning{Refused,
		"no app with this client_id is known in the org of login_url",
		string(OtherClient) + ", the org's My Domain, https://NAME.my.salesforce.com; a new app is known after some ten minutes"}
	notThere = meaning{Refused,
		"no External Client App with this client_id is known where login_url leads",
		string(OtherHost) + ", which such apps need since Spring '26; if it is that, a Salesforce admin has to install the app"}
	noScopes = meaning{Refused,
		"the app has no OAuth scope that this request can use",
		"a Salesforce admin has to give the app the scopes it needs (api)"}
)

// byWordsOfAssertion is searched before byWords when an assertion is refused.
var byWordsOfAssertion = []wordsRow{
	{"invalid_grant", "expired authorization code", "", assertionEnded}, // as seen where exp had passed
	{"invalid_grant", "audience", "audience is invalid", wrongAudience},
	{"invalid_grant", "assertion", "invalid assertion", wrongAssertion},
	{"invalid_grant", "approved this consumer", "user hasn't approved this consumer", notPreapproved},
	{"invalid_grant", "no valid scopes defined", "", noScopes},
	{"app_not_found", "", "External client app is not installed in this org", notThere},
	{"invalid_client", "app must be installed", "app must be installed into org", notInstalled},
	{"invalid_client", "client identifier invalid", "", unknownHere},
	{"invalid_client_id", "", "client identifier invalid", unknownHere},
	{"invalid_client", "", "invalid client credentials", wrongAssertion},
	{"invalid_client_credentials", "", "", wrongAssertion},
	{"invalid_scope", "", "the requested scope is invalid, unknown, or malformed", noScopes},
	{"unauthorized_client", "", "", assertionFlowOff},
	{"unsupported_grant_type", "", "grant type not supported", assertionFlowOff},
}

// byWordsOfClient is searched before byWords when a client's credentials are refused.
var byWordsOfClient = []wordsRow{
	{"invalid_grant", "not supported on this domain", "request not supported on this domain", needsMyDomain},
	{"invalid_grant", "client credentials user", "no client credentials user enabled", noRunAsUser},
	{"invalid_grant", "no valid scopes defined", "", noScopes},
	{"app_not_found", "", "External client app is not installed in this org", notThere},
	{"invalid_client", "app must be installed", "app must be installed into org", notInstalled},
	{"invalid_client", "client identifier invalid", "", unknownHere},
	{"invalid_client_id", "", "client identifier invalid", unknownHere},
	{"invalid_client", "", "invalid client credentials", wrongClientSecret},
	{"invalid_client_credentials", "", "", wrongClientSecret},
	{"invalid_scope", "", "the requested scope is invalid, unknown, or malformed", noScopes},
	{"unauthorized_client", "", "", clientFlowOff},
	{"unsupported_grant_type", "", "grant type not supported", clientFlowOff},
}
