package helper

import (
	"context"
	"errors"
	"time"

	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// loadCachedToken returns the org's cached token for that API, or the zero Token if
// there is none. It treats a corrupt item, and a token without a valid host, as absent:
// the next refresh replaces it.
func (h *Helper) loadCachedToken(ctx context.Context, org keystore.Org, api keystore.API) (keystore.Token, error) {
	token, err := keystore.LoadTokenFor(ctx, h.keystore(), org, api)
	if isAny(err, keystore.ErrNotFound, keystore.ErrCorrupt) {
		return keystore.Token{}, nil
	}
	if err != nil {
		return keystore.Token{}, storeError("read the cached token of", org, err)
	}
	// The Salesforce CLI stores URLs as it received them, and so did old versions of forcecred.
	if token.InstanceURL = normalizeURL(token.InstanceURL); token.InstanceURL == "" {
		return keystore.Token{}, nil
	}
	token.APIInstanceURL = normalizeURL(token.APIInstanceURL)
	return token, nil
}

func (h *Helper) loadGrant(ctx context.Context, org keystore.Org) (keystore.Grant, error) {
	grant, err := keystore.LoadGrant(ctx, h.keystore(), org)
	if err != nil {
		return keystore.Grant{}, storeError("read the grant of", org, err)
	}
	return grant, nil
}

// cachedAfterLockTimeout reads the cached token again after the wait for the lock timed
// out: the holder of the lock may have refreshed. Otherwise it returns lockErr.
func (h *Helper) cachedAfterLockTimeout(ctx context.Context, org keystore.Org, api keystore.API, required requirement, lockErr error) (keystore.Token, error) {
	if !errors.Is(lockErr, context.DeadlineExceeded) {
		return keystore.Token{}, lockErr
	}
	// The caller's context may have ended too, but a read is short.
	cached, err := h.loadCachedToken(context.WithoutCancel(ctx), org, api)
	if err != nil || !required.isMetBy(cached, h.now()) {
		return keystore.Token{}, lockErr
	}
	return cached, nil
}

// clockTolerance is how far in the future the time of a refresh may be.
const clockTolerance = time.Minute

// requirement says which cached tokens may answer a request.
type requirement struct {
	minTTL   time.Duration
	rejected secret.Text
	asked    Attempt
	isAnswer bool // the token is the answer to the request, and not a step towards it
}

// newRequirement returns the requirement of req. With force it rejects the token that is
// cached when the request arrives.
func newRequirement(req protocol.GetRequest, asked Attempt, cached keystore.Token) requirement {
	if req.Force {
		return requirement{req.MinTTL, cached.AccessToken, asked, true}
	}
	return requirement{req.MinTTL, req.RejectedToken, asked, true}
}

// isMetBy reports whether t may answer the request at that time.
func (r requirement) isMetBy(t keystore.Token, now time.Time) bool {
	if t.AccessToken.Empty() || !r.rejected.Empty() && t.AccessToken.Equal(r.rejected) {
		return false
	}
	if isFromFuture(t, now) {
		return false
	}
	left := t.ExpiresAt.Sub(now)
	// No token is valid for longer than a session. If a caller asks for that much, the
	// token is refreshed after half a session, and not with each request.
	if session := t.ExpiresAt.Sub(t.RefreshedAt); r.minTTL >= session {
		return left > session/2
	}
	return left > 0 && left >= r.minTTL
}

// isFromFuture reports whether the local clock was set back since t was refreshed. Its
// expiry is unknown then.
func isFromFuture(t keystore.Token, now time.Time) bool {
	return t.RefreshedAt.After(now.Add(clockTolerance))
}
