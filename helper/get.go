package helper

import (
	"context"
	"time"

	"forcecred/keystore"
	"forcecred/protocol"
)

// Get returns an access token of the org for the API that req names. It returns the
// cached token if that is valid for req.MinTTL. If a session is no longer than
// req.MinTTL, it returns the cached token for the first half of the session.
func (h *Helper) Get(ctx context.Context, req protocol.GetRequest) (protocol.Credential, error) {
	return h.get(ctx, req, Attempt{At: h.now(), Force: req.Force})
}

// GetFor is Get for a caller in another process: asked says when and how that one asked. That
// process has found that the org exists and that its cached token can't answer. So GetFor
// takes the lock before it reads.
func (h *Helper) GetFor(ctx context.Context, req protocol.GetRequest, asked Attempt) (protocol.Credential, error) {
	asked.hasLooked = !req.Force
	return h.get(ctx, req, asked)
}

func (h *Helper) get(ctx context.Context, req protocol.GetRequest, asked Attempt) (protocol.Credential, error) {
	org, err := h.resolveOrg(ctx, req.Org)
	if err != nil {
		return protocol.Credential{}, err
	}
	get := h.getAndRecord
	if h.memory != nil {
		get = h.memory.token
	}
	token, err := get(ctx, org, req, asked)
	if err != nil {
		return protocol.Credential{}, err
	}
	return credential(token), nil
}

// getAndRecord is Get without the memory cache. It records a failed refresh for Status.
func (h *Helper) getAndRecord(ctx context.Context, org keystore.Org, req protocol.GetRequest, asked Attempt) (keystore.Token, error) {
	token, err := h.getToken(ctx, org, req, asked)
	if err != nil && req.For == "" {
		h.recordFailure(org, err)
	}
	return token, err
}

// getToken runs the grant transaction. docs/decisions/0001 has the steps.
func (h *Helper) getToken(ctx context.Context, org keystore.Org, req protocol.GetRequest, asked Attempt) (keystore.Token, error) {
	api := keystore.API(req.For)
	required := newRequirement(req, asked, keystore.Token{})
	if !asked.hasLooked {
		// 1. Read the cached token.
		cached, err := h.loadCachedToken(ctx, org, api)
		if err != nil {
			return keystore.Token{}, err
		}
		required = newRequirement(req, asked, cached)
		if required.isMetBy(cached, h.now()) {
			return cached, nil
		}
		// A name that is not stored gets no lock, because callers could fill the lock folder
		// with files. An org with a cached token is stored.
		if cached.AccessToken.Empty() {
			if _, err := h.loadGrant(ctx, org); err != nil {
				return keystore.Token{}, err
			}
		}
	}
	// 2. Lock: nothing is refreshed without the lock.
	if h.config.Worker != nil {
		return h.refreshInWorker(ctx, org, api, required)
	}
	lock, err := h.lock(ctx, org)
	if err != nil {
		return h.cachedAfterLockTimeout(ctx, org, api, required, err)
	}
	defer lock.unlock()
	deadline := h.now().Add(refreshTimeout)
	if api == keystore.DataCloud {
		return h.dataCloudToken(ctx, lock, org, required, deadline)
	}
	return h.refreshedToken(ctx, lock, org, required, deadline)
}

// refreshedToken returns the org's own token: the cached one if it meets the
// requirement, else a new one before deadline. The caller holds lock.
func (h *Helper) refreshedToken(ctx context.Context, lock keystore.Lock, org keystore.Org, required requirement, deadline time.Time) (keystore.Token, error) {
	for range maxAdoptions {
		// 3. Read again: another process may have refreshed during the wait.
		cached, err := h.loadCachedToken(ctx, org, keystore.OrgAPI)
		if err != nil {
			return keystore.Token{}, err
		}
		if required.isMetBy(cached, h.now()) {
			return cached, nil
		}
		// 4. Load the grant, and recover the journal entry of a process that failed to save.
		grant, key, err := h.loadAndRecover(ctx, org)
		if err != nil {
			return keystore.Token{}, err
		}
		if err := h.sharedRefusal(grant, required.asked, cached); err != nil {
			return keystore.Token{}, err
		}
		if !h.hasTimeFor(0, deadline) {
			break
		}
		// 5. Prepare.
		reserved, err := h.prepare(ctx, lock, grant, key)
		if err != nil {
			return keystore.Token{}, err
		}
		// 6. Exchange the grant.
		result, err := h.exchange(ctx, grant, reserved, deadline)
		// 7. Save.
		token, err := h.save(ctx, refresh{grant, result, reserved, cached, required.isAnswer}, err)
		// 9. Clean up, and release the signals.
		h.cleanUp(ctx, reserved)
		result.release()
		// 8. Never destroy: the store may have a newer grant than the one that was sent.
		if h.shouldAdopt(ctx, grant, err) {
			continue
		}
		if err != nil {
			if !hasRotated(grant, result.answer.RefreshToken) {
				h.saveRefusal(grant, err)
			}
			return keystore.Token{}, err
		}
		h.refusals().Delete(org)
		return token, nil
	}
	return keystore.Token{}, errReplacedAgain(org)
}
