package helper

import (
	"context"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/internal/salesforce/credentials"
	"forcecred/keystore"
	"forcecred/protocol"
)

// Store stores an org's credentials, and replaces those that were stored before. With
// verify it refreshes with them first, and stores nothing if Salesforce refuses.
func (h *Helper) Store(ctx context.Context, req protocol.StoreRequest, verify bool) error {
	defer h.memory.forget(keystore.Org(req.Org))
	org, err := newOrg(req.Org)
	if err != nil {
		return err
	}
	grant, err := h.newGrant(org, req)
	if err != nil {
		return badRequest(org, err)
	}
	if verify && h.config.Worker != nil {
		return h.config.Worker.StoreVerified(ctx, req)
	}
	lock, err := h.lock(ctx, grant.Org)
	if err != nil {
		return err
	}
	defer lock.unlock()
	// The cached tokens go first: if the process dies before the grant is stored, the old
	// grant is without a token. The new grant never answers with a token of the old one.
	if err := h.deleteTokens(ctx, grant.Org); err != nil {
		return storeError("delete the cached token of", grant.Org, err)
	}
	if verify {
		return h.storeVerified(ctx, lock, grant)
	}
	if err := keystore.SaveGrant(ctx, h.keystore(), grant); err != nil {
		return storeError("store the grant of", grant.Org, err)
	}
	return nil
}

// storeVerified refreshes with the grant, then stores it with the refresh's result.
func (h *Helper) storeVerified(ctx context.Context, lock keystore.Lock, grant keystore.Grant) error {
	// If Salesforce refuses the new grant, the old one stays. So the old grant's journal
	// entry goes into the keystore before the new entry takes its place.
	if _, _, err := h.loadAndRecover(ctx, grant.Org); err != nil && !isAny(err, keystore.ErrNotFound, keystore.ErrCorrupt) {
		return err
	}
	key, err := h.loadKey(ctx, grant.Org)
	if err != nil {
		return storeError("read the journal of", grant.Org, err)
	}
	prepared, err := h.prepare(ctx, lock, grant, key)
	if err != nil {
		return err
	}
	result, err := h.exchange(ctx, grant, prepared, h.now().Add(refreshTimeout))
	_, err = h.save(ctx, refresh{grant: grant, result: result, reserved: &reservation{lock: lock, isForNewGrant: true}}, err)
	h.cleanUp(ctx, prepared)
	result.release()
	return err
}

// newGrant checks a request and returns the org's grant. Its error says what is wrong with
// the request.
func (h *Helper) newGrant(org keystore.Org, req protocol.StoreRequest) (keystore.Grant, error) {
	grant := keystore.Grant{
		Org:            org,
		Type:           keystore.GrantType(req.GrantType),
		AllowHost:      req.AllowHost,
		Site:           req.Site,
		ClientID:       req.ClientID,
		ClientSecret:   req.ClientSecret,
		RefreshToken:   req.RefreshToken,
		PrivateKey:     req.PrivateKey,
		PrivateKeyFile: req.PrivateKeyFile,
		KeyID:          req.KeyID,
		Audience:       req.Audience,
		Username:       req.Username,
		SessionTimeout: keystore.Seconds(req.SessionTimeout / time.Second),
		StoredAt:       h.now(),
	}
	if grant.Type == "" {
		grant.Type = keystore.RefreshToken
	}
	loginURL := req.LoginURL
	if !req.SFDXAuthURL.Empty() {
		auth, err := credentials.ParseAuthURL(req.SFDXAuthURL.Reveal())
		if err != nil {
			return keystore.Grant{}, err
		}
		grant.ClientID, grant.ClientSecret, grant.RefreshToken, loginURL = auth.ClientID, auth.ClientSecret, auth.RefreshToken, auth.LoginURL
	}
	if loginURL == "" {
		loginURL = salesforce.DefaultLoginURL
	}
	grant.LoginURL = loginURL
	if err := checkCredentials(grant); err != nil {
		return keystore.Grant{}, err
	}
	_, host, err := h.salesforceGrant(grant)
	if err != nil {
		return keystore.Grant{}, err
	}
	grant.LoginURL, grant.Site = host.URL(), host.Site()
	return grant, nil
}
