package helper

import (
	"context"
	"errors"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/internal/salesforce/credentials"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// Store stores an org's credentials, and replaces those that were stored before. With
// verify it refreshes with them first, and stores nothing if Salesforce refuses.
func (h *Helper) Store(ctx context.Context, req protocol.StoreRequest, verify bool) error {
	defer h.memory.forget(keystore.Org(req.Org))
	grant, err := h.newGrant(req)
	if err != nil {
		return err
	}
	unlock, err := h.lock(ctx, grant.Org)
	if err != nil {
		return err
	}
	defer unlock()
	// The cached tokens go first: if the process dies before the grant is stored, the old
	// grant is without a token. The new grant never answers with a token of the old one.
	if err := h.deleteTokens(ctx, grant.Org); err != nil {
		return storeError("delete the cached token of", grant.Org, err)
	}
	if verify {
		return h.storeVerified(ctx, grant)
	}
	if err := h.saveAndReadBack(ctx, grant); err != nil {
		return storeError("store the grant of", grant.Org, err)
	}
	return nil
}

// storeVerified refreshes with the grant, then stores it with the refresh's result.
func (h *Helper) storeVerified(ctx context.Context, grant keystore.Grant) error {
	// If Salesforce refuses the new grant, the old one stays. So the old grant's journal
	// entry goes into the keystore before the new entry takes its place.
	if _, err := h.loadAndRecover(ctx, grant.Org); err != nil && !isAny(err, keystore.ErrNotFound, keystore.ErrCorrupt) {
		return err
	}
	prepared, err := h.prepare(ctx, grant)
	if err != nil {
		return err
	}
	result, err := h.exchange(ctx, grant, h.now().Add(refreshTimeout))
	_, err = h.save(ctx, grant, result, &reservation{isForNewGrant: true}, keystore.Token{}, err)
	h.cleanUp(ctx, prepared)
	result.release()
	return err
}

// apis are the APIs for which an org has a cached token. The org's own comes last,
// because the other tokens are exchanged for its token.
var apis = []keystore.API{keystore.DataCloud, keystore.OrgAPI}

// deleteTokens deletes all cached tokens of an org. It returns the store's errors.
func (h *Helper) deleteTokens(ctx context.Context, org keystore.Org) error {
	for _, api := range apis {
		if err := h.keystore().Delete(ctx, keystore.Token{Org: org, For: api}.Key()); err != nil {
			return err
		}
	}
	return nil
}

// newGrant checks a request and returns its grant.
func (h *Helper) newGrant(req protocol.StoreRequest) (keystore.Grant, error) {
	org, err := newOrg(req.Org)
	if err != nil {
		return keystore.Grant{}, err
	}
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
			return keystore.Grant{}, badRequest(org, err)
		}
		grant.ClientID, grant.ClientSecret, grant.RefreshToken, loginURL = auth.ClientID, auth.ClientSecret, auth.RefreshToken, auth.LoginURL
	}
	if loginURL == "" {
		loginURL = salesforce.DefaultLoginURL
	}
	grant.LoginURL = loginURL
	if err := checkCredentials(grant); err != nil {
		return keystore.Grant{}, badRequest(org, err)
	}
	_, login, err := h.salesforceGrant(grant)
	if err != nil {
		return keystore.Grant{}, badRequest(org, err)
	}
	grant.LoginURL, grant.Site = login.URL(), login.Site()
	return grant, nil
}

// Erase deletes an org from the keystore. If req asks for it, Erase deletes the org's own
// cached token alone, or the cached token that was rejected. It succeeds if there is none.
func (h *Helper) Erase(ctx context.Context, req protocol.EraseRequest) error {
	defer h.memory.forget(keystore.Org(req.Org))
	org, err := h.resolveOrg(ctx, req.Org)
	if e, ok := errors.AsType[*protocol.Error](err); ok && e.Code == protocol.OrgNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if h.hasNoItems(ctx, org) {
		return nil // without a lock, which would stay as a file
	}
	unlock, err := h.lock(ctx, org)
	if err != nil {
		return err
	}
	defer unlock()
	if req.CachedToken {
		return h.deleteItem(ctx, keystore.Key{Kind: keystore.KindToken, Org: org})
	}
	if !req.RejectedToken.Empty() {
		return h.eraseRejected(ctx, org, req.RejectedToken)
	}
	return h.eraseAll(ctx, org)
}

// hasNoItems reports whether the store certainly has no item of the org.
func (h *Helper) hasNoItems(ctx context.Context, org keystore.Org) bool {
	for _, kind := range []keystore.Kind{keystore.KindToken, keystore.KindGrant, keystore.KindJournal, keystore.KindDataCloud} {
		if !h.isAbsent(ctx, keystore.Key{Kind: kind, Org: org}) {
			return false
		}
	}
	return true
}

// eraseRejected deletes the cached token that was rejected, if there is one. The caller
// holds the lock.
func (h *Helper) eraseRejected(ctx context.Context, org keystore.Org, rejected secret.Text) error {
	for _, api := range apis {
		cached, err := h.loadCachedToken(ctx, org, api)
		if err != nil {
			return err
		}
		if cached.AccessToken.Equal(rejected) {
			return h.deleteItem(ctx, cached.Key())
		}
	}
	return nil
}

// eraseAll deletes all items of an org. The grant goes last, so that a second try after a
// failure still finds the org. The caller holds the lock.
func (h *Helper) eraseAll(ctx context.Context, org keystore.Org) error {
	if err := h.deleteTokens(ctx, org); err != nil {
		return storeError("erase", org, err)
	}
	if err := h.journal().Delete(org); err != nil {
		return storeError("erase the journal of", org, err)
	}
	h.failures().Delete(org)
	if err := h.deleteItem(ctx, journalKey(org)); err != nil {
		return err
	}
	return h.deleteItem(ctx, keystore.Key{Kind: keystore.KindGrant, Org: org})
}

func (h *Helper) deleteItem(ctx context.Context, key keystore.Key) error {
	if err := h.keystore().Delete(ctx, key); err != nil {
		return storeError("erase", key.Org, err)
	}
	return nil
}

// isAbsent reports whether the store certainly has no such item.
func (h *Helper) isAbsent(ctx context.Context, key keystore.Key) bool {
	_, err := h.keystore().Get(ctx, key)
	return isAny(err, keystore.ErrNotFound)
}

// List returns the stored orgs, sorted by name. It warns about an org whose grant is
// damaged, and lists it with its name alone.
func (h *Helper) List(ctx context.Context) ([]protocol.ListedOrg, error) {
	all, err := h.loadStoredOrgs(ctx)
	if err != nil {
		return nil, err
	}
	orgs := make([]protocol.ListedOrg, len(all))
	for i, stored := range all {
		orgs[i] = stored.listing()
	}
	return orgs, nil
}

func listedOrg(g keystore.Grant, t keystore.Token) protocol.ListedOrg {
	orgID, userID := salesforce.Identity(t.ID)
	refreshed := g.RefreshedAt
	if t.RefreshedAt.After(refreshed) {
		refreshed = t.RefreshedAt
	}
	loginURL := g.LoginURL
	if normal := normalizeURL(loginURL); normal != "" {
		loginURL = normal // a malformed URL is listed as it is, so that a person sees the mistake
	}
	return protocol.ListedOrg{
		Org:            string(g.Org),
		Username:       g.Username,
		LoginURL:       loginURL,
		Site:           g.Site,
		InstanceURL:    normalizeURL(g.InstanceURL),
		OrgID:          orgID,
		UserID:         userID,
		ClientID:       g.ClientID,
		GrantType:      string(g.Type),
		Rotates:        g.Rotates,
		TokenExpiresAt: t.ExpiresAt,
		RefreshedAt:    refreshed,
		StoredAt:       g.StoredAt,
	}
}
