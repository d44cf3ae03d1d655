package sfcli

import (
	"context"
	"strings"

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

// hintLogout returns the command that ends a login, which was found by that name.
func hintLogout(l login, name string) string {
	if l.app != "" {
		return "sf org logout --client-app " + Word(l.app, "APP") + " --target-org " + Word(l.user, "USER")
	}
	return "sf org logout --target-org " + Word(name, "ALIAS")
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

// Word returns name as one word of a command in every shell, or instead if it has
// characters that some shell does not take for themselves between double quotes.
func Word(name, instead string) string {
	switch {
	case quoting(name) == 0:
		return name
	case strings.HasPrefix(name, "-") || checkName(name) != nil || strings.ContainsAny(name, "\"`$\\!%^\u201c\u201d\u201e"):
		return instead
	}
	return `"` + name + `"`
}
