package helper

import (
	"context"
	"errors"
	"fmt"

	"forcecred/keystore"
	"forcecred/protocol"
)

// Logout revokes the org's login at Salesforce, then deletes the org from the keystore. If
// revoking fails, the org stays, unless force is set. An org that is not stored is
// [protocol.OrgNotFound].
func (h *Helper) Logout(ctx context.Context, name string, force bool) error {
	defer h.memory.forget(keystore.Org(name))
	org, err := h.resolveOrg(ctx, name)
	if err != nil {
		return err
	}
	if _, err := h.loadGrant(ctx, org); err != nil && (!force || isAny(err, keystore.ErrNotFound)) {
		return err // without a lock, which would stay as a file
	}
	lock, err := h.lock(ctx, org)
	if err != nil {
		return err
	}
	defer lock.unlock()
	if err := h.revoke(ctx, org); err != nil {
		if !force {
			return suggestForce(org, err)
		}
		h.warn(fmt.Sprintf("%v; the org is deleted from the keystore nevertheless", err))
	}
	return h.eraseAll(ctx, org)
}

// suggestForce adds to a failed revocation what a person can do who does not want to wait
// until it succeeds. If the keystore fails, it would not delete the org either.
func suggestForce(org keystore.Org, err error) error {
	e, ok := errors.AsType[*protocol.Error](err)
	if !ok || e.Code == protocol.OrgNotFound || e.Code == protocol.KeystoreUnavailable {
		return err
	}
	suggested := *e
	suggested.Remedy = suggested.Remedy.WithNext("force_logout")
	suggested.Remedy.Org = string(org)
	return &suggested
}

// revoke revokes the refresh token, with which Salesforce revokes its access tokens. For a
// grant without a refresh token, it revokes the cached access token. The caller holds the
// lock.
func (h *Helper) revoke(ctx context.Context, org keystore.Org) error {
	grant, _, err := h.loadAndRecover(ctx, org) // the journal may have the current refresh token
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
	host, err := tokenHost(grant)
	if err != nil {
		return storeError("use the grant of", org, err)
	}
	client, err := h.connect()
	if err != nil {
		return err
	}
	if err := client.Revoke(ctx, host, token); err != nil {
		e := salesforceError("log out of", org, err)
		e.Remedy = ofLogin(e.Remedy, grant)
		return e
	}
	return nil
}
