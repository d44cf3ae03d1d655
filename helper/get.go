package helper

import (
	"context"
	"time"

	"forcecred/keystore"
	"forcecred/protocol"
)

// Get returns an access token of the org for the API that req names, from the
// cache where that one lives for req.MinTTL at least, or for half a session where
// that lasts no longer.
func (h *Helper) Get(ctx context.Context, req protocol.GetRequest) (protocol.Credential, error) {
	org, err := h.resolveOrg(ctx, req.Org)
	if err != nil {
		return protocol.Credential{}, err
	}
	get := h.getAndRecord
	if h.memory != nil {
		get = h.memory.token
	}
	token, err := get(ctx, org, req)
	if err != nil {
		return protocol.Credential{}, err
	}
	return credential(token), nil
}

// token returns what Get answers with, without the memory cache.
func (h *Helper) getAndRecord(ctx context.Context, org keystore.Org, req protocol.GetRequest) (keystore.Token, error) {
	token, err := h.getToken(ctx, org, req)
	if err != nil && req.For == "" {
		h.recordFailure(org, err)
	}
	return token, err
}

// transact runs the grant transaction. The steps are those of docs/decisions/0001.
func (h *Helper) getToken(ctx context.Context, org keystore.Org, req protocol.GetRequest) (keystore.Token, error) {
	api := keystore.API(req.For)
	// 1. Look.
	cached, err := h.loadCachedToken(ctx, org, api)
	if err != nil {
		return keystore.Token{}, err
	}
	required := newRequirement(req, cached)
	if required.isMetBy(cached, h.now()) {
		return cached, nil
	}
	// 2. Lock. No lock, no refresh, ever. A name that nobody stored gets none, or
	// any caller could litter the lock folder.
	if _, err := h.loadGrant(ctx, org); err != nil {
		return keystore.Token{}, err
	}
	unlock, err := h.lock(ctx, org)
	if err != nil {
		return h.cachedAfterLockTimeout(ctx, org, api, required, err)
	}
	defer unlock()
	deadline := h.now().Add(refreshTimeout)
	if api == keystore.DataCloud {
		return h.dataCloudToken(ctx, org, required, deadline)
	}
	return h.refreshedToken(ctx, org, required, deadline)
}

// refreshed returns the org's own token: the cached one where it will do, else a
// new one by deadline. It is called under the lock.
func (h *Helper) refreshedToken(ctx context.Context, org keystore.Org, required requirement, deadline time.Time) (keystore.Token, error) {
	for range maxAdoptions {
		// 3. Look again: while we waited, somebody else may have refreshed.
		cached, err := h.loadCachedToken(ctx, org, keystore.OrgAPI)
		if err != nil {
			return keystore.Token{}, err
		}
		if required.isMetBy(cached, h.now()) {
			return cached, nil
		}
		// 4. Load, with what a process that failed to save left in the journal.
		grant, err := h.loadAndRecover(ctx, org)
		if err != nil {
			return keystore.Token{}, err
		}
		if !h.hasTimeFor(0, deadline) {
			break
		}
		// 5. Prepare.
		reserved, err := h.prepare(ctx, grant)
		if err != nil {
			return keystore.Token{}, err
		}
		// 6. Spend.
		result, err := h.exchange(ctx, grant, deadline)
		// 7. Save.
		token, err := h.save(ctx, grant, result, reserved, cached, err)
		// 9. Clean up, and let go of the signals.
		h.cleanUp(ctx, reserved)
		result.release()
		// 8. Never destroy: what the store holds by now may be better than what we spent.
		if h.shouldAdopt(ctx, grant, err) {
			continue
		}
		if err != nil {
			return keystore.Token{}, err
		}
		return token, nil
	}
	return keystore.Token{}, errReplacedAgain(org)
}
