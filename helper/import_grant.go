package helper

import (
	"context"
	"fmt"

	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// Import copies an org's grant from another program's logins. It does not replace a stored
// org. It copies a grant that rotates only if rotating is set: both programs would have the
// same refresh token, and the second one to use it ends the login.
func (h *Helper) Import(ctx context.Context, logins keystore.Store, name string, rotating bool) error {
	defer h.memory.forget(keystore.Org(name))
	org, err := resolveOrgIn(ctx, logins, name)
	if err != nil {
		return err
	}
	if _, err := keystore.ParseOrg(name); err != nil {
		return &protocol.Error{
			Code: protocol.BadRequest, Org: name, Message: fmt.Sprintf("import %q: a keystore of forcecred does not allow this name: %v", org, err),
			Remedy: remedy.To("import_by_alias"),
		}
	}
	grant, err := keystore.LoadGrant(ctx, logins, org)
	if err != nil {
		e := storeError("import", org, err)
		if e.Code == protocol.OrgNotFound {
			e.Message = fmt.Sprintf("import %q: there is no such login", org)
		}
		return e
	}
	if grant.Rotates != nil && *grant.Rotates && !rotating {
		return &protocol.Error{
			Code: protocol.BadRequest, Org: name,
			Message: fmt.Sprintf("import %q: its refresh tokens rotate, so two programs cannot share the login: the second one to refresh ends it for both", org),
			Remedy:  remedy.To("import_live"),
		}
	}
	_, _, err = h.salesforceGrant(grant)
	if err == nil {
		err = checkCredentials(grant)
	}
	if err != nil {
		return &protocol.Error{Code: protocol.BadRequest, Message: fmt.Sprintf("import %q: %v", org, err), Org: name}
	}
	lock, err := h.lock(ctx, org)
	if err != nil {
		return err
	}
	defer lock.unlock()
	if !h.isAbsent(ctx, keystore.Key{Kind: keystore.KindGrant, Org: org}) {
		return &protocol.Error{
			Code: protocol.BadRequest, Message: fmt.Sprintf("import %q: the keystore already has an org of that name", org), Org: name,
			Remedy: remedy.Remedy{Code: "erase_org_first", Org: name},
		}
	}
	if err := h.deleteTokens(ctx, org); err != nil {
		return storeError("delete the cached token of", org, err)
	}
	grant.StoredAt, grant.Source, grant.ClientApp = h.now(), keystore.Stored, ""
	if err := keystore.SaveGrant(ctx, h.keystore(), grant); err != nil {
		return storeError("store the grant of", org, err)
	}
	return nil
}
