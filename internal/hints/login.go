package hints

import (
	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// steps are next steps that a command takes, in the words that the table has for them
// in braces. Which command that is depends on who made the login and of what type its
// grant is.
var steps = map[string]string{
	"log_in_again":   "log in again",
	"other_host":     "use the org's My Domain, https://NAME.my.salesforce.com, as login URL",
	"other_client":   "give the right client_id and login URL",
	"other_secret":   "give the app's consumer secret",
	"other_audience": "give the audience that the org expects",
}

// loginKind is of what type a login is, and who made it.
type loginKind struct {
	source keystore.Source
	grant  keystore.GrantType
}

// commands has the command of each step for each kind of login: a command that works
// for a login of forcecred's own is refused for one of the Salesforce CLI's, and the
// other way round. A kind without a row for a step has no command for it.
var commands = map[loginKind]map[string]string{
	{keystore.Browser, keystore.RefreshToken}: {
		"log_in_again": "`forcecred login {org}`",
		"other_host":   "`forcecred login {org} --login-url https://NAME.my.salesforce.com`",
		"other_client": "`forcecred login {org} --client-id CLIENT_ID --login-url LOGIN_URL`",
		"other_secret": "`forcecred login {org} --client-secret-file -`",
	},
	{keystore.Stored, keystore.RefreshToken}: {
		"log_in_again": "`forcecred store {org}` with a new refresh token, or `forcecred login {org}` with the browser",
		"other_host":   "`forcecred set {org} --login-url https://NAME.my.salesforce.com`",
		"other_client": "`forcecred store {org}`",
		"other_secret": "`forcecred set {org} --client-secret-file -`",
	},
	{keystore.Stored, keystore.JWTBearer}: {
		"other_host":     "`forcecred set {org} --login-url https://NAME.my.salesforce.com`",
		"other_client":   "`forcecred store {org}`",
		"other_audience": "`forcecred set {org} --audience AUDIENCE`",
	},
	{keystore.Stored, keystore.ClientCredentials}: {
		"other_host":   "`forcecred set {org} --login-url https://NAME.my.salesforce.com`",
		"other_client": "`forcecred store {org}`",
		"other_secret": "`forcecred set {org} --client-secret-file -`",
	},
	{keystore.SalesforceCLI, keystore.RefreshToken}: {
		"log_in_again": "`sf org login web{alias} --instance-url {url}{client}`",
		"other_host":   "`sf org login web{alias} --instance-url https://NAME.my.salesforce.com{client}`",
		"other_client": "`sf org login web{alias} --instance-url LOGIN_URL --client-id CLIENT_ID`",
		"other_secret": "`sf org login web{alias} --instance-url {url} --client-id {id}`, which asks for it",
	},
	{keystore.SalesforceCLI, keystore.JWTBearer}: {
		"other_host":     "`sf org login jwt{alias} --username {user} --jwt-key-file {key} --client-id {id} --instance-url https://NAME.my.salesforce.com`",
		"other_client":   "`sf org login jwt{alias} --username {user} --jwt-key-file {key} --client-id CLIENT_ID --instance-url LOGIN_URL`",
		"other_audience": "set SF_AUDIENCE_URL to it",
	},
}

// ofClientApp is for all steps of an app that the Salesforce CLI linked to a user: the
// CLI links no app twice.
const ofClientApp = "{sf_logout}, then `sf org login web --client-app {app} --username {user} --client-id {id}`"

// commandFor returns the command of a step in parentheses, or "" if the remedy does not
// say of which login it is, or the login has none.
func commandFor(step string, r remedy.Remedy) string {
	command := commands[loginKind{keystore.Source(r.Source), keystore.GrantType(r.GrantType)}][step]
	if command != "" && r.ClientApp != "" {
		command = ofClientApp
	}
	if command == "" {
		return ""
	}
	return " (" + command + ")"
}
