package helper

import (
	"context"
	"slices"
	"strings"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
)

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

// storedOrg has the items of an org. If the grant is damaged, it has the name alone.
type storedOrg struct {
	grant     keystore.Grant
	token     keystore.Token // the zero Token if none is cached
	isDamaged bool
}

func (stored storedOrg) listing() protocol.ListedOrg {
	if stored.isDamaged {
		return protocol.ListedOrg{Org: string(stored.grant.Org)}
	}
	return listedOrg(stored.grant, stored.token)
}

// loadStoredOrgs loads all orgs, sorted by name.
func (h *Helper) loadStoredOrgs(ctx context.Context) ([]storedOrg, error) {
	keys, err := h.keystore().List(ctx, keystore.KindGrant)
	if err != nil {
		return nil, listError(err)
	}
	slices.SortFunc(keys, func(a, b keystore.Key) int { return strings.Compare(string(a.Org), string(b.Org)) })
	all := make([]storedOrg, 0, len(keys))
	for _, key := range keys {
		stored, err := h.loadStoredOrg(ctx, key.Org)
		if isAny(err, keystore.ErrNotFound) {
			continue // erased since
		}
		if err != nil {
			return nil, listError(err)
		}
		all = append(all, stored)
	}
	return all, h.warnUnusable(ctx)
}

// loadStoredOrg loads one org. It returns the store's errors.
func (h *Helper) loadStoredOrg(ctx context.Context, org keystore.Org) (storedOrg, error) {
	grant, err := keystore.LoadGrant(ctx, h.keystore(), org)
	if isAny(err, keystore.ErrCorrupt) {
		h.warn(storeError("read the grant of", org, err).Message)
		return storedOrg{grant: keystore.Grant{Org: org}, isDamaged: true}, nil
	}
	if err != nil {
		return storedOrg{}, err
	}
	token, err := keystore.LoadToken(ctx, h.keystore(), org)
	if isAny(err, keystore.ErrNotFound, keystore.ErrCorrupt) { // the next refresh replaces it
		return storedOrg{grant: grant}, nil
	}
	return storedOrg{grant: grant, token: token}, err
}
