package sfcli

import (
	"context"

	"forcecred/keystore"
)

// Commands of the CLI's that a hint names. Each is one that the CLI takes as it is,
// but for words in capitals.

// hintLogin returns the command that makes a login of that alias. A name that
// nothing is stored under may be anything, also a secret, and is repeated only if
// it is one of forcecred's own.
func hintLogin(alias string) string {
	if _, err := keystore.ParseOrg(alias); err != nil {
		alias = "ALIAS"
	}
	return "sf org login web --alias " + alias
}

// hintKeyLogin says how a login by private key is made again.
func hintKeyLogin(l login) string {
	return "log in again with `sf org login jwt --username " + keystore.QuoteArg(l.user, "USERNAME") + " --jwt-key-file KEY_FILE --client-id CLIENT_ID`"
}

// hintLinkApp returns the command that links an app to the user of a login.
func hintLinkApp(l login) string {
	return "sf org login web --client-app APP --username " + keystore.QuoteArg(l.user, "USERNAME") + " --client-id CLIENT_ID"
}

// hintLogout returns the command that ends a login, which was found by that name.
func hintLogout(l login, name string) string {
	if l.app != "" {
		return "sf org logout --client-app " + keystore.QuoteArg(l.app, "APP") + " --target-org " + keystore.QuoteArg(l.user, "USER")
	}
	return "sf org logout --target-org " + keystore.QuoteArg(name, "ALIAS")
}

// LogoutCommand returns the command that ends the login of that name, and false if
// there is none.
func (s *Store) LogoutCommand(ctx context.Context, org keystore.Org) (command string, ok bool) {
	l, err := s.find(ctx, keystore.Key{Kind: keystore.KindGrant, Org: org})
	if err != nil {
		return "", false
	}
	return hintLogout(l, string(org)), true
}
