package doctor

import (
	"context"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/sfcli"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// keyTimeout bounds the wait for the keyring that has the Salesforce CLI's key. A check
// is not worth a dialog.
const keyTimeout = 3 * time.Second

// CheckSharedLogins reports logins that both forcecred and the Salesforce CLI have. If
// refresh tokens rotate, the program that refreshes second ends the login for both.
func CheckSharedLogins(ctx context.Context, logins *sfcli.Store, all []StoredOrg) []protocol.Finding {
	accounts, err := logins.Accounts(ctx)
	if err != nil {
		f := FailedCheck(SharedLogin, err, remedy.To("sf_see_folder"))
		f.State = protocol.Warn
		return []protocol.Finding{f}
	}
	if len(accounts) == 0 {
		return []protocol.Finding{ok(SharedLogin, "it has no logins")}
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
		findings = append(findings, ok(SharedLogin, "forcecred has none of its %s", count(len(accounts), "login")))
	}
	return findings
}

// compare reports whether the Salesforce CLI has the same grant, by the refresh token or
// else by the user. Grants of different apps differ. A private key can be shared, because
// its use ends nothing.
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
		return ok(SharedLogin, what+"; its refresh token does not rotate, so both can use it", g.Org, account.Org), true
	}
	todo := remedy.Remedy{Code: "import_live_instead", Org: string(g.Org)}
	return warn(SharedLogin, todo, what+"; if refresh tokens rotate, the program that refreshes second ends the login for both", g.Org, account.Org), true
}

func grantOf(ctx context.Context, logins *sfcli.Store, org keystore.Org) (keystore.Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, keyTimeout)
	defer cancel()
	return keystore.LoadGrant(ctx, logins, org)
}
