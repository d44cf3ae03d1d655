package hints

import (
	"cmp"
	"strings"
	"unicode"

	"forcecred/internal/config"
	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// fact returns the words for the placeholder of that name. In a command each is one
// word or, if it can't be one, what a person has to fill in.
func fact(name string, r remedy.Remedy, isCommand bool) string {
	quote := func(text, instead string) string {
		if !isCommand && text != "" {
			return text
		}
		return quoteArg(text, instead)
	}
	switch name {
	case "org":
		return quote(r.Org, "ORG")
	case "alias_name":
		return quote(r.Org, "ALIAS")
	case "user":
		return quote(r.Username, "USERNAME")
	case "id":
		return quote(r.ClientID, "CLIENT_ID")
	case "app":
		return quote(r.ClientApp, "APP")
	case "key":
		return quote(r.KeyFile, "KEY_FILE")
	case "url":
		return cmp.Or(bareURL(r.LoginURL), "LOGIN_URL")
	case "path":
		return r.Path
	case "name":
		return r.Name
	case "detail":
		return r.Detail
	case "alias":
		if r.Org == r.Username {
			return ""
		}
		return " --alias " + quote(r.Org, "ALIAS")
	case "client":
		if r.ClientID == salesforceCLIApp {
			return ""
		}
		return " --client-id " + quote(r.ClientID, "CLIENT_ID")
	}
	return variable(name)
}

// variable returns the name of the environment's variable for its placeholder.
func variable(name string) string {
	switch name {
	case "home_variable":
		return config.HomeVariable
	case "keystore_variable":
		return config.KeystoreVariable
	case "keyring_timeout_variable":
		return config.KeyringTimeoutVariable
	case "key_file_variable":
		return config.KeyFileVariable
	case "passphrase_file_variable":
		return config.PassphraseFileVariable
	case "ca_file_variable":
		return config.CAFileVariable
	}
	return "{" + name + "}" // which a test finds
}

// salesforceCLIApp is the app that the Salesforce CLI takes without --client-id.
const salesforceCLIApp = "PlatformCLI"

// logoutCommand returns the Salesforce CLI's command that ends a login.
func logoutCommand(r remedy.Remedy) string {
	if r.ClientApp != "" {
		return "`sf org logout --client-app {app} --target-org {user}`"
	}
	return "`sf org logout --target-org {alias_name}`"
}

// quoteArg returns text as one argument of a shell command: unquoted if it is an org's
// name that ParseOrg accepts, else in double quotes. It returns placeholder if text has
// a character that some shell interprets inside double quotes.
func quoteArg(text, placeholder string) string {
	if _, err := keystore.ParseOrg(text); err == nil {
		return text
	}
	if text == "" || strings.HasPrefix(text, "-") || strings.ContainsFunc(text, isUnquotable) {
		return placeholder
	}
	return `"` + text + `"`
}

func isUnquotable(r rune) bool {
	return !unicode.IsPrint(r) || r == unicode.ReplacementChar || strings.ContainsRune("\"`$\\!%^\u201c\u201d\u201e", r)
}

// bareURL returns a login URL that every shell takes as one word, or "".
func bareURL(url string) string {
	if strings.Trim(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/.-_~") != "" {
		return ""
	}
	return url
}
