package helper

import (
	"context"
	"errors"

	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

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
	lock, err := h.lock(ctx, org)
	if err != nil {
		return err
	}
	defer lock.unlock()
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

// eraseAll deletes all items of an org. The journal goes after the grant: if the store does
// not delete the grant, the org needs the refresh token that only the journal may have. The
// journal's key goes last, so that a second try after a failure still finds the org. The
// caller holds the lock.
func (h *Helper) eraseAll(ctx context.Context, org keystore.Org) error {
	if err := h.deleteTokens(ctx, org); err != nil {
		return storeError("erase", org, err)
	}
	if err := h.deleteItem(ctx, keystore.Key{Kind: keystore.KindGrant, Org: org}); err != nil {
		return err
	}
	h.failures().Delete(org)
	h.refusals().Delete(org)
	key, err := h.loadKey(ctx, org)
	if err == nil {
		err = h.journal().Delete(org, key)
	}
	if err != nil {
		return storeError("erase the journal of", org, err)
	}
	return h.deleteItem(ctx, journalKey(org))
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
