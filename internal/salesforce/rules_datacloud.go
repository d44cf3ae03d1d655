package salesforce

// The rules for the exchange of an org's token for a Data Cloud token.

var (
	orgTokenRefused = class{TokenRefused,
		"Data Cloud does not accept the org's access token, although forcecred has just refreshed it",
		"a Salesforce admin has to give the app the scope api and a Data 360 scope such as cdp_query_api; then log in again"}
	dataCloudScopes = class{Refused,
		"the login has no OAuth scope of Data Cloud (Data 360)",
		"a Salesforce admin has to give the app api and cdp_query_api, cdp_profile_api or cdp_ingest_api; then log in again, with the new scopes. The Salesforce CLI's own app (PlatformCLI) has none of them"}
	dataCloudUser = class{Refused,
		"the user may not use Data Cloud (Data 360), or not with this app",
		"a Salesforce admin has to assign the user a Data Cloud permission set, and let the user's profile use the app"}
	dataCloudOff = class{Refused,
		"the org has no Data Cloud (Data 360), or does not let this app use it",
		"a Salesforce admin has to set Data Cloud up in the org; `forcecred get` without --for prints the org's own token"}
)

// dataCloudRules come before errorRules during that exchange.
var dataCloudRules = []errorRule{
	{"invalid_scope", "", "the requested scope is invalid, unknown, or malformed", dataCloudScopes},
	{"invalid_grant", "no valid scopes defined", "", dataCloudScopes},
	{"access_denied", "", "end-user denied authorization", dataCloudUser},
	{"invalid_subject_token", "", "", orgTokenRefused},
	{"invalid_token", "", "", orgTokenRefused},
	{"invalid_session_id", "", "Session expired or invalid", orgTokenRefused},
	{"unauthorized_client", "", "", dataCloudOff},
	{"unsupported_grant_type", "", "grant type not supported", dataCloudOff},
}
