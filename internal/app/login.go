package app

import (
	"context"
	"fmt"

	"forcecred/helper"
	"forcecred/keystore"
	"forcecred/keystore/overlay"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// Login is [helper.Helper.Login]. It refuses if the keystore is the Salesforce CLI's logins.
func (h Helper) Login(ctx context.Context, req protocol.StoreRequest, scopes string, browser helper.Browser) (protocol.ListedOrg, error) {
	if h.choice.name == sfKeystore {
		e := protocol.Errorf(protocol.Usage, "the keystore in use is the Salesforce CLI's logins, and forcecred adds none to them")
		e.Remedy = remedy.To("sf_log_in_or_other")
		return protocol.ListedOrg{}, e
	}
	login := h.Helper
	if both, ok := h.Keystore.(*overlay.Store); ok {
		// The first store gets the login, whatever the second has under that name. So the
		// first store gives the lock and has to take a write.
		config := h.config
		config.Keystore, config.Journal = both.First, config.Journal.(overlayJournal).first
		login = helper.New(config)
	}
	return login.Login(ctx, req, scopes, browser)
}

// Logout is [helper.Helper.Logout]. It refuses for a login of the Salesforce CLI.
func (h Helper) Logout(ctx context.Context, org string, force bool) error {
	if name, err := h.ParseOrg(org); err == nil { // else Helper.Logout refuses it
		if todo, ok := h.salesforceCLILogout(ctx, name); ok {
			return &protocol.Error{
				Code: protocol.BadRequest, Org: org, Message: fmt.Sprintf("log out of %q: the login is the Salesforce CLI's", org),
				Remedy: todo,
			}
		}
	}
	return h.Helper.Logout(ctx, org, force)
}

// ParseOrg returns name as an org that the keystore can have. Its error does not
// quote the name.
func (h Helper) ParseOrg(name string) (keystore.Org, error) {
	return keystore.ParseOrgOf(h.Keystore, name)
}

// salesforceCLILogout returns how to log out of a login of the Salesforce CLI, and false if
// org is none.
func (h Helper) salesforceCLILogout(ctx context.Context, org keystore.Org) (remedy.Remedy, bool) {
	logins, isTheirs := salesforceCLIOf(h.Keystore)
	if logins == nil {
		return remedy.Remedy{}, false
	}
	// It finds out which store has org. If it fails, org is not the second store's, and
	// Helper.Logout reports the error.
	_, _ = keystore.LoadGrant(ctx, h.Keystore, org)
	if !isTheirs(org) {
		return remedy.Remedy{}, false
	}
	return logins.LogoutRemedy(ctx, org)
}
