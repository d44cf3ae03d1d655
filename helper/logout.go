package helper

import (
	"context"
	"fmt"

	"forcecred/keystore"
)

// Logout ends the org's login at Salesforce, then forgets the org. When the
// former fails, the org stays as it is, unless force. An org that is not there is
// [protocol.OrgNotFound].
func (h *Helper) Logout(ctx context.Context, name string, force bool) error {
	defer h.memory.forget(keystore.Org(name))
	org, err := h.resolveOrg(ctx, name)
	if err != nil {
		return err
	}
	if _, err := h.loadGrant(ctx, org); err != nil && (!force || isAny(err, keystore.ErrNotFound)) {
		return err // and no lock is left behind under a name that nobody stored
	}
	unlock, err := h.lock(ctx, org)
	if err != nil {
		return err
	}
	defer unlock()
	if err := h.revoke(ctx, org); err != nil {
		if !force {
			return err
		}
		h.warn(fmt.Sprintf("%v; the org is forgotten all the same", err))
	}
	return h.eraseAll(ctx, org)
}

// revoke ends the login: the refresh token with all that came of it or, for a
// grant that has none, the access token in the cache. It is called under the lock.
func (h *Helper) revoke(ctx context.Context, org keystore.Org) error {
	grant, err := h.loadAndRecover(ctx, org) // with what the journal has: the newest token is the one that counts
	if err != nil {
		return err
	}
	h.revokeDataCloud(ctx, grant)
	token := grant.RefreshToken
	if token.Empty() {
		cached, err := h.loadCachedToken(ctx, org, keystore.OrgAPI)
		if err != nil {
			return err
		}
		token = cached.AccessToken
	}
	if token.Empty() {
		return nil
	}
	login, err := tokenHost(grant)
	if err != nil {
		return storeError("use the grant of", org, err)
	}
	client, err := h.connect()
	if err != nil {
		return err
	}
	if err := client.Revoke(ctx, login, token); err != nil {
		e := salesforceError("end the login of", org, err)
		e.Remedy = ofLogin(e.Remedy, grant)
		return e
	}
	return nil
}
