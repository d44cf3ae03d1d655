package helper

import (
	"context"
	"errors"
	"time"

	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// cached returns the org's cached token for that API, or the zero Token when
// there is none. A cache that can't be read as a token, or whose token belongs to no
// host, is as good as none: the refresh that follows replaces it.
func (h *Helper) loadCachedToken(ctx context.Context, org keystore.Org, api keystore.API) (keystore.Token, error) {
	token, err := keystore.LoadTokenFor(ctx, h.keystore(), org, api)
	if isAny(err, keystore.ErrNotFound, keystore.ErrCorrupt) {
		return keystore.Token{}, nil
	}
	if err != nil {
		return keystore.Token{}, storeError("read the cached token of", org, err)
	}
	// The Salesforce CLI stores URLs as it got them, and so did forcecred once.
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

// lookOnceMore is what is left to do without the lock: whoever held it for so
// long may have brought a token. Else lockErr stands.
func (h *Helper) cachedAfterLockTimeout(ctx context.Context, org keystore.Org, api keystore.API, required requirement, lockErr error) (keystore.Token, error) {
	if !errors.Is(lockErr, context.DeadlineExceeded) {
		return keystore.Token{}, lockErr
	}
	// The caller's own time may be over as well, but a read is short.
	cached, err := h.loadCachedToken(context.WithoutCancel(ctx), org, api)
	if err != nil || !required.isMetBy(cached, h.now()) {
		return keystore.Token{}, lockErr
	}
	return cached, nil
}

// clockTolerance is how far in the future a refresh may seem to lie.
const clockTolerance = time.Minute

// demand says which cached token will do.
type requirement struct {
	minTTL   time.Duration
	rejected secret.Text
}

// newDemand returns what req demands, given what is cached as it arrives.
func newRequirement(req protocol.GetRequest, cached keystore.Token) requirement {
	if req.Force {
		return requirement{req.MinTTL, cached.AccessToken}
	}
	return requirement{req.MinTTL, req.RejectedToken}
}

// metBy reports whether t may answer the demand at that time.
func (d requirement) isMetBy(t keystore.Token, now time.Time) bool {
	if t.AccessToken.Empty() || !d.rejected.Empty() && t.AccessToken.Equal(d.rejected) {
		return false
	}
	if isFromFuture(t, now) {
		return false
	}
	left := t.ExpiresAt.Sub(now)
	// A caller may ask for a whole session or more. A refresh gives it that for a
	// moment or not at all, so it gets what there is, refreshed when half is gone.
	if session := t.ExpiresAt.Sub(t.RefreshedAt); d.minTTL >= session {
		return left > session/2
	}
	return left > 0 && left >= d.minTTL
}

// fromTheFuture reports whether our clock was set back since t was refreshed:
// then its end is not known any more.
func isFromFuture(t keystore.Token, now time.Time) bool {
	return t.RefreshedAt.After(now.Add(clockTolerance))
}
