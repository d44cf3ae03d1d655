// Package helper turns the name of an org into an access token, by the grant transaction of docs/decisions/0001.
package helper

import (
	"context"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
)

// Helper answers requests out of one keystore. It is safe for concurrent use.
// Its methods return a [*protocol.Error] when they fail.
type Helper struct {
	Keystore keystore.Store
	Journal  Journal
	Failures Failures // or nil

	// Connect is called when Salesforce has to be asked, which a cached answer
	// need not. Its error is a [*protocol.Error].
	Connect func() (OAuth, error)

	// ReadKey returns the text of a private key that lies in a file. Its error is a
	// [*keystore.Error], or the file system's.
	ReadKey func(path string) (secret.Text, error)

	// HoldSignals is called before a refresh token is sent: until release, no
	// signal that can be held back may end the process.
	HoldSignals func() (release func())

	// Warn reports what a person should know of a request that succeeded all the same,
	// and what to do about it.
	Warn func(message string, todo remedy.Remedy)

	Now  func() time.Time
	Wait func(context.Context, time.Duration) error // sleeps, or returns the context's error

	flights flights
}

// OAuth is what a Helper asks of Salesforce; [salesforce.Client] is one.
type OAuth interface {
	Exchange(context.Context, salesforce.Grant) (salesforce.Answer, error)
	Introspect(ctx context.Context, login salesforce.Host, clientID string, clientSecret, accessToken secret.Text) (salesforce.Introspection, error)
	ExchangeCode(ctx context.Context, a salesforce.Authorization, clientSecret, code secret.Text) (salesforce.Answer, error)
	Username(ctx context.Context, login salesforce.Host, accessToken secret.Text) (string, error)
	Revoke(ctx context.Context, login salesforce.Host, token secret.Text) error
	ExchangeDataCloud(ctx context.Context, login salesforce.Host, instanceURL string, accessToken secret.Text) (salesforce.Answer, error)
	RevokeDataCloud(ctx context.Context, login salesforce.Host, instanceURL string, accessToken secret.Text) error
}

// Get returns an access token of the org for the API that req names, from the
// cache where that one lives for req.MinTTL at least, or for half a session where
// that lasts no longer.
func (h *Helper) Get(ctx context.Context, req protocol.GetRequest) (protocol.Credential, error) {
	org, err := h.org(ctx, req.Org)
	if err != nil {
		return protocol.Credential{}, err
	}
	token, err := h.token(ctx, org, req)
	if err != nil {
		if req.For == "" {
			h.noteFailure(org, err)
		}
		return protocol.Credential{}, err
	}
	return credential(token), nil
}

// token answers Get. The steps are those of docs/decisions/0001.
func (h *Helper) token(ctx context.Context, org keystore.Org, req protocol.GetRequest) (keystore.Token, error) {
	api := keystore.API(req.For)
	// 1. Look.
	cached, err := h.cached(ctx, org, api)
	if err != nil {
		return keystore.Token{}, err
	}
	wanted := newDemand(req, cached)
	if wanted.metBy(cached, h.Now()) {
		return cached, nil
	}
	// 2. Lock. No lock, no refresh, ever. A name that nobody stored gets none, or
	// any caller could litter the lock folder.
	if _, err := h.grant(ctx, org); err != nil {
		return keystore.Token{}, err
	}
	unlock, err := h.lock(ctx, org)
	if err != nil {
		return h.lookOnceMore(ctx, org, api, wanted, err)
	}
	defer unlock()
	deadline := h.Now().Add(spendBudget)
	if api == keystore.DataCloud {
		return h.dataCloudToken(ctx, org, wanted, deadline)
	}
	return h.refreshed(ctx, org, wanted, deadline)
}

// refreshed returns the org's own token: the cached one where it will do, else a
// new one by deadline. It is called under the lock.
func (h *Helper) refreshed(ctx context.Context, org keystore.Org, wanted demand, deadline time.Time) (keystore.Token, error) {
	for range maxAdoptions {
		// 3. Look again: while we waited, somebody else may have refreshed.
		cached, err := h.cached(ctx, org, keystore.OrgAPI)
		if err != nil {
			return keystore.Token{}, err
		}
		if wanted.metBy(cached, h.Now()) {
			return cached, nil
		}
		// 4. Load, with what a process that failed to save left in the journal.
		grant, err := h.load(ctx, org)
		if err != nil {
			return keystore.Token{}, err
		}
		if !h.fits(0, deadline) {
			break
		}
		// 5. Prepare.
		seal, err := h.prepare(ctx, grant)
		if err != nil {
			return keystore.Token{}, err
		}
		// 6. Spend.
		spent, err := h.spend(ctx, grant, deadline)
		// 7. Save.
		token, err := h.save(ctx, grant, spent, seal, cached, err)
		// 9. Clean up, and let go of the signals.
		h.cleanUp(ctx, seal)
		spent.release()
		// 8. Never destroy: what the store holds by now may be better than what we spent.
		if h.moved(ctx, grant, err) {
			continue
		}
		if err != nil {
			return keystore.Token{}, err
		}
		return token, nil
	}
	return keystore.Token{}, errUnsettled(org)
}

func (h *Helper) warn(message string) { h.Warn(message, remedy.Remedy{}) }
