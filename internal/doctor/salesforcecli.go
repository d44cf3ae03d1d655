package doctor

import (
	"context"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/sfcli"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// secretPatience is for a keyring that has the Salesforce CLI's key: a dialog of
// its own is not worth an answer here.
const secretPatience = 3 * time.Second

// Shared looks whether the Salesforce CLI has a login that forcecred has as well:
// whichever of the two spends a refresh token that rotates second, ends it for both.
func Shared(ctx context.Context, logins *sfcli.Store, all []Kept) []protocol.Finding {
	accounts, err := logins.Accounts(ctx)
	if err != nil {
		f := Failed(SharedLogin, err, remedy.To("sf_see_folder"))
		f.State = protocol.Warn
		return []protocol.Finding{f}
	}
	if len(accounts) == 0 {
		return []protocol.Finding{ok(SharedLogin, "it has no logins here")}
	}
	var findings []protocol.Finding
	for _, k := range all {
		for _, account := range accounts {
			if f, shared := compare(ctx, logins, k.Grant, account); shared {
				findings = append(findings, f)
			}
		}
	}
	if len(findings) == 0 {
		findings = append(findings, ok(SharedLogin, "none of its %s is one of forcecred's", count(len(accounts), "login")))
	}
	return findings
}

// compare finds out whether a grant is the CLI's as well: by its refresh token,
// or else by its user. Without the same app it can't be, nor where one of the two
// has a private key, whose use ends nothing.
func compare(ctx context.Context, logins *sfcli.Store, g keystore.Grant, account sfcli.Account) (f protocol.Finding, shared bool) {
	if g.RefreshToken.Empty() || g.ClientID != account.ClientID {
		return f, false
	}
	theirs, err := grantOf(ctx, logins, account.Org)
	if err == nil && theirs.RefreshToken.Empty() {
		return f, false
	}
	what := "the grant of %q is also the Salesforce CLI's %s"
	if err != nil || !theirs.RefreshToken.Equal(g.RefreshToken) {
		if g.Username != account.Username {
			return f, false
		}
		what = "the grant of %q and the Salesforce CLI's %s are of one user and one app"
	}
	if g.Rotates != nil && !*g.Rotates {
		return ok(SharedLogin, what+"; its refresh token does not rotate, so that both can spend it", g.Org, account.Org), true
	}
	todo := remedy.Remedy{Code: "import_live_instead", Org: string(g.Org)}
	return warn(SharedLogin, todo, what+": where refresh tokens rotate, whoever refreshes second ends the login for both", g.Org, account.Org), true
}

func grantOf(ctx context.Context, logins *sfcli.Store, org keystore.Org) (keystore.Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, secretPatience)
	defer cancel()
	return keystore.LoadGrant(ctx, logins, org)
}
