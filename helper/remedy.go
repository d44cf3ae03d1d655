package helper

import (
	"cmp"
	"strings"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
)

// remedies has, for each kind of login, the command by which a person takes the next
// step of a hint. It is the one place that knows: what works for a login of
// forcecred's own is refused for one of the Salesforce CLI's, and the other way round.
// Words in braces are the login's own; words in capitals are for the person to fill in.
// A kind without a row for a remedy has no command for it.
var remedies = map[loginKind]map[salesforce.Remedy]string{
	{keystore.Browser, keystore.RefreshToken}: {
		salesforce.LogInAgain:  "`forcecred login {org}`",
		salesforce.OtherHost:   "`forcecred login {org} --login-url https://NAME.my.salesforce.com`",
		salesforce.OtherClient: "`forcecred login {org} --client-id CLIENT_ID --login-url LOGIN_URL`",
		salesforce.OtherSecret: "`forcecred login {org} --client-secret-file -`",
	},
	{keystore.Stored, keystore.RefreshToken}: {
		salesforce.LogInAgain:  "`forcecred store {org}` with a new refresh token, or `forcecred login {org}` with the browser",
		salesforce.OtherHost:   "`forcecred set {org} --login-url https://NAME.my.salesforce.com`",
		salesforce.OtherClient: "`forcecred store {org}`",
		salesforce.OtherSecret: "`forcecred set {org} --client-secret-file -`",
	},
	{keystore.Stored, keystore.JWTBearer}: {
		salesforce.OtherHost:     "`forcecred set {org} --login-url https://NAME.my.salesforce.com`",
		salesforce.OtherClient:   "`forcecred store {org}`",
		salesforce.OtherAudience: "`forcecred set {org} --audience AUDIENCE`",
	},
	{keystore.Stored, keystore.ClientCredentials}: {
		salesforce.OtherHost:   "`forcecred set {org} --login-url https://NAME.my.salesforce.com`",
		salesforce.OtherClient: "`forcecred store {org}`",
		salesforce.OtherSecret: "`forcecred set {org} --client-secret-file -`",
	},
	{keystore.SalesforceCLI, keystore.RefreshToken}: {
		salesforce.LogInAgain:  "`sf org login web{alias} --instance-url {url}{client}`",
		salesforce.OtherHost:   "`sf org login web{alias} --instance-url https://NAME.my.salesforce.com{client}`",
		salesforce.OtherClient: "`sf org login web{alias} --instance-url LOGIN_URL --client-id CLIENT_ID`",
		salesforce.OtherSecret: "`sf org login web{alias} --instance-url {url} --client-id {id}`, which asks for it",
	},
	{keystore.SalesforceCLI, keystore.JWTBearer}: {
		salesforce.OtherHost:     "`sf org login jwt{alias} --username {user} --jwt-key-file {key} --client-id {id} --instance-url https://NAME.my.salesforce.com`",
		salesforce.OtherClient:   "`sf org login jwt{alias} --username {user} --jwt-key-file {key} --client-id CLIENT_ID --instance-url LOGIN_URL`",
		salesforce.OtherAudience: "set SF_AUDIENCE_URL to it",
	},
}

// ofClientApp is for all remedies of an app that the Salesforce CLI has linked to a
// user: it links none twice.
const ofClientApp = "`sf org logout --client-app {app} --target-org {user}`, then `sf org login web --client-app {app} --username {user} --client-id {id}`"

// loginKind is what a login is, and who made it.
type loginKind struct {
	source keystore.Source
	grant  keystore.GrantType
}

// withCommand returns a hint with the command for its remedy, if it names one that
// the grant's kind of login has a command for.
func withCommand(hint string, grant keystore.Grant) string {
	for _, remedy := range salesforce.Remedies {
		if !strings.Contains(hint, string(remedy)) {
			continue
		}
		command, ok := remedies[loginKind{grant.Source, grant.Type}][remedy]
		if grant.ClientApp != "" {
			command = ofClientApp
		}
		if !ok {
			return hint
		}
		return strings.Replace(hint, string(remedy), string(remedy)+" ("+wordsOf(grant).Replace(command)+")", 1)
	}
	return hint
}

// wordsOf puts a grant's own words into a command.
func wordsOf(grant keystore.Grant) *strings.Replacer {
	alias := ""
	if string(grant.Org) != grant.Username {
		alias = " --alias " + keystore.QuoteArg(string(grant.Org), "ALIAS")
	}
	client := ""
	if grant.ClientID != salesforceCLIApp {
		client = " --client-id " + keystore.QuoteArg(grant.ClientID, "CLIENT_ID")
	}
	return strings.NewReplacer(
		"{org}", keystore.QuoteArg(string(grant.Org), "ORG"), "{alias}", alias, "{client}", client,
		"{url}", cmp.Or(bareURL(grant.LoginURL+grant.Site), "LOGIN_URL"), "{user}", keystore.QuoteArg(grant.Username, "USERNAME"),
		"{id}", keystore.QuoteArg(grant.ClientID, "CLIENT_ID"), "{key}", keystore.QuoteArg(grant.PrivateKeyFile, "KEY_FILE"), "{app}", keystore.QuoteArg(grant.ClientApp, "APP"),
	)
}

// salesforceCLIApp is the app that the Salesforce CLI takes without --client-id.
const salesforceCLIApp = "PlatformCLI"

// bareURL returns a login URL that no shell takes for more than a word, or "".
func bareURL(url string) string {
	if strings.Trim(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/.-_~") != "" {
		return ""
	}
	return url
}
