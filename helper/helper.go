// Package helper turns the name of an org into an access token, by the grant transaction of docs/decisions/0001.
package helper

import (
	"context"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/secret"
	"forcecred/protocol"
	"forcecred/salesforce"
)

// Helper answers requests out of one keystore. It is safe for concurrent use.
// Its methods return a [*protocol.Error] when they fail.
type Helper struct {
	Keystore keystore.Store

	// Connect is called when Salesforce has to be asked, which a cached answer
	// need not. Its error is a [*protocol.Error].
	Connect func() (OAuth, error)

	// HoldSignals is called before a refresh token is spent: until release, no
	// signal that can be held back may end the process.
	HoldSignals func() (release func())

	// Warn is told what a person should know of a request that succeeded all the same.
	Warn func(message string)

	Now func() time.Time
}

// OAuth is what a Helper asks of Salesforce; [salesforce.Client] is one.
type OAuth interface {
	Refresh(context.Context, salesforce.RefreshGrant) (salesforce.Answer, error)
	Introspect(ctx context.Context, login salesforce.Login, clientID string, clientSecret, accessToken secret.Text) (salesforce.Introspection, error)
}

// lockBudget is how long to wait for another process that is refreshing the
// same grant. It is longer than an exchange with its retries can take.
const lockBudget = 60 * time.Second

// Get returns an access token of the org that lives for req.MinTTL at least,
// from the cache where it can. The steps are those of docs/decisions/0001.
func (h *Helper) Get(ctx context.Context, req protocol.GetRequest) (protocol.Credential, error) {
	org, err := parseOrg(req.Org)
	if err != nil {
		return protocol.Credential{}, err
	}
	// 1. Look.
	cached, err := h.cached(ctx, org)
	if err != nil {
		return protocol.Credential{}, err
	}
	wanted := newDemand(req, cached)
	if wanted.metBy(cached, h.Now()) {
		return credential(cached), nil
	}
	// 2. Lock. A name that nobody stored gets no lock, or any caller could
	// litter the lock folder.
	if _, err := h.grant(ctx, org); err != nil {
		return protocol.Credential{}, err
	}
	unlock, lockErr := h.lock(ctx, org)
	if lockErr == nil {
		defer unlock()
	}
	// 3. Look again: while we waited, somebody else may have refreshed.
	cached, err = h.cached(ctx, org)
	if err != nil {
		return protocol.Credential{}, err
	}
	if wanted.metBy(cached, h.Now()) {
		return credential(cached), nil
	}
	if lockErr != nil {
		return protocol.Credential{}, lockErr // no lock, no refresh, ever
	}
	// 4. Load.
	grant, err := h.grant(ctx, org)
	if err != nil {
		return protocol.Credential{}, err
	}
	// 6. Spend, and 7. save.
	token, err := h.refresh(ctx, grant, cached)
	if err != nil {
		return protocol.Credential{}, err
	}
	// 9. Unlock, and answer.
	return credential(token), nil
}

// cached returns the org's cached token, or the zero Token when there is none.
// A cache that can't be read as a token is as good as none: the refresh that
// follows replaces it.
func (h *Helper) cached(ctx context.Context, org keystore.Org) (keystore.Token, error) {
	token, err := keystore.LoadToken(ctx, h.Keystore, org)
	if isAny(err, keystore.ErrNotFound, keystore.ErrCorrupt) {
		return keystore.Token{}, nil
	}
	if err != nil {
		return keystore.Token{}, storeError("read the cached token of", org, err)
	}
	return token, nil
}

func (h *Helper) grant(ctx context.Context, org keystore.Org) (keystore.Grant, error) {
	grant, err := keystore.LoadGrant(ctx, h.Keystore, org)
	if err != nil {
		return keystore.Grant{}, storeError("read the grant of", org, err)
	}
	return grant, nil
}

// lock takes the lock of org's grant. Not to get it in time is no fault of the
// keystore: somebody else's refresh is taking long.
func (h *Helper) lock(ctx context.Context, org keystore.Org) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, lockBudget)
	defer cancel()
	release, err := h.Keystore.Lock(ctx, org)
	if err != nil {
		return nil, storeError("lock the grant of", org, err)
	}
	return func() {
		// The process is about to answer or to fail for a better reason, and its
		// end releases the lock in any case.
		_ = release()
	}, nil
}

// demand says which cached token will do.
type demand struct {
	minTTL   time.Duration
	rejected secret.Text
}

// newDemand returns what req demands, given what is cached as it arrives.
func newDemand(req protocol.GetRequest, cached keystore.Token) demand {
	if req.Force {
		return demand{req.MinTTL, cached.AccessToken}
	}
	return demand{req.MinTTL, req.RejectedToken}
}

// metBy reports whether t may answer the demand at that time.
func (d demand) metBy(t keystore.Token, now time.Time) bool {
	if t.AccessToken.Empty() || !d.rejected.Empty() && t.AccessToken.Equal(d.rejected) {
		return false
	}
	left := t.ExpiresAt.Sub(now)
	// A caller may ask for more than a whole session. No refresh can give it
	// that, so it gets what there is, refreshed when half of it is gone.
	if session := t.ExpiresAt.Sub(t.RefreshedAt); d.minTTL > session {
		return left > session/2
	}
	return left > 0 && left >= d.minTTL
}
