package salesforce

// The rules for the exchange of an org's token for a Data Cloud token.

var (
	orgTokenRefused = class{TokenRefused,
		"Data Cloud does not accept the org's access token, although forcecred has just refreshed it",
		"give_data_cloud_scope"}
	dataCloudScopes = class{Refused,
		"the login has no OAuth scope of Data Cloud (Data 360)",
		"give_data_cloud_scopes"}
	dataCloudUser = class{Refused,
		"the user may not use Data Cloud (Data 360), at least not with this app",
		"give_data_cloud_user"}
	dataCloudOff = class{Refused,
		"the org has no Data Cloud (Data 360), or does not let this app use it",
		"set_up_data_cloud"}
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
