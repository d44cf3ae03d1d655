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

// Store keeps an org's secrets, replacing what was kept of it before. With
// verify it gets a token by them once first, and keeps nothing when Salesforce
// refuses that.
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
	// The cached tokens go first: were we to die between the two, the new
	// grant must not answer with the old one's tokens.
	if err := h.deleteTokens(ctx, grant.Org); err != nil {
		return storeError("drop the cached token of", grant.Org, err)
	}
	if verify {
		return h.storeVerified(ctx, grant)
	}
	if err := h.saveAndReadBack(ctx, grant); err != nil {
		return storeError("store the grant of", grant.Org, err)
	}
	return nil
}

// storeVerified stores the grant as a refresh leaves it.
func (h *Helper) storeVerified(ctx context.Context, grant keystore.Grant) error {
	// What the journal holds of the grant that is replaced goes into the
	// keystore first: should Salesforce refuse the new one, the old one stays.
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

// apis are those that an org has a cached token for. Its own is the last, whose
// token the others come from.
var apis = []keystore.API{keystore.DataCloud, keystore.OrgAPI}

// dropTokens removes all cached tokens of an org. It returns the store's errors.
func (h *Helper) deleteTokens(ctx context.Context, org keystore.Org) error {
	for _, api := range apis {
		if err := h.keystore().Delete(ctx, keystore.Token{Org: org, For: api}.Key()); err != nil {
			return err
		}
	}
	return nil
}

// newGrant checks a request and makes a grant of it.
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

// Erase forgets an org; or only its own cached token, where that is asked for; or
// only the rejected one of its cached tokens. What is not there is erased already.
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
		return nil // and no lock is left behind under a name that nobody stored
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

// hasNothing reports whether the store is sure that it has no item of the org.
func (h *Helper) hasNoItems(ctx context.Context, org keystore.Org) bool {
	for _, kind := range []keystore.Kind{keystore.KindToken, keystore.KindGrant, keystore.KindJournal, keystore.KindDataCloud} {
		if !h.isAbsent(ctx, keystore.Key{Kind: kind, Org: org}) {
			return false
		}
	}
	return true
}

// eraseRejected removes the cached token that is the rejected one, if there is
// one. It is called under the lock.
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

// eraseAll removes all that is kept of an org. The grant goes last: until then a
// second try finds what is left to erase. It is called under the lock.
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

// absent reports whether the store is sure that it has no such item.
func (h *Helper) isAbsent(ctx context.Context, key keystore.Key) bool {
	_, err := h.keystore().Get(ctx, key)
	return isAny(err, keystore.ErrNotFound)
}

// List tells what is known of each org in the keystore, by name. An org whose
// grant is damaged is listed with its name alone, and warned of.
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
		loginURL = normal // else it is listed as it is stored, so that a person sees what is wrong with it
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
