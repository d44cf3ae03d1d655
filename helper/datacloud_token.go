package helper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// dataCloudToken returns the org's token for Data Cloud: the cached one if it meets the
// requirement, else a new one for which it exchanges the org's own token before deadline.
// The caller holds the lock. See docs/decisions/0024.
func (h *Helper) dataCloudToken(ctx context.Context, lock keystore.Lock, org keystore.Org, required requirement, deadline time.Time) (keystore.Token, error) {
	cached, err := h.loadCachedToken(ctx, org, keystore.DataCloud)
	if err != nil || required.isMetBy(cached, h.now()) {
		return cached, err
	}
	own, err := h.loadCachedToken(ctx, org, keystore.OrgAPI)
	if err != nil {
		return keystore.Token{}, err
	}
	// The new token may end with the org's own session.
	ownRequired := requirement{minTTL: required.minTTL, asked: required.asked}
	isNew := !ownRequired.isMetBy(own, h.now())
	if isNew {
		if own, err = h.refreshedForDataCloud(ctx, lock, org, ownRequired, deadline); err != nil {
			return keystore.Token{}, err
		}
	}
	token, err := h.exchangeDataCloud(ctx, own, deadline)
	if isTokenRefused(err) && !isNew {
		ownRequired.rejected = own.AccessToken
		if own, err = h.refreshedForDataCloud(ctx, lock, org, ownRequired, deadline); err != nil {
			return keystore.Token{}, err
		}
		token, err = h.exchangeDataCloud(ctx, own, deadline)
	}
	if err != nil {
		return keystore.Token{}, salesforceError("get the Data Cloud token of", org, err)
	}
	defer h.answerEarly(token, required.isAnswer)()
	if err := keystore.SaveToken(context.WithoutCancel(ctx), h.keystore(), token); err != nil {
		// The token is valid without the cache; the next caller exchanges again.
		h.warn(storeError("cache the Data Cloud token of", org, err).Message)
	}
	return token, nil
}

// refreshedForDataCloud is refreshedToken for an exchange. It records a failure of the org's
// own refresh.
func (h *Helper) refreshedForDataCloud(ctx context.Context, lock keystore.Lock, org keystore.Org, required requirement, deadline time.Time) (keystore.Token, error) {
	own, err := h.refreshedToken(ctx, lock, org, required, deadline)
	if err != nil {
		h.recordFailure(org, err)
	}
	return own, err
}

// exchangeDataCloud exchanges the org's own token. That rotates nothing, so it retries as
// for a grant without a refresh token. Its error is a [*salesforce.Error], or a
// [*protocol.Error] if nothing was sent.
func (h *Helper) exchangeDataCloud(ctx context.Context, own keystore.Token, deadline time.Time) (keystore.Token, error) {
	client, host, err := h.dataCloudClient(ctx, own.Org)
	if err != nil {
		return keystore.Token{}, err
	}
	if !h.hasTimeFor(0, deadline) {
		return keystore.Token{}, errNoTimeLeft(own.Org)
	}
	for try := 1; ; try++ {
		at := h.now()
		answer, err := client.ExchangeDataCloud(ctx, host, own.InstanceURL, own.AccessToken)
		if err == nil {
			return h.newDataCloudToken(own.Org, answer, at), nil
		}
		backoff, ok := retryAfter(err, false, try)
		if !ok || !h.hasTimeFor(backoff, deadline) || h.wait(ctx, backoff) != nil {
			return keystore.Token{}, err
		}
	}
}

// dataCloudClient returns the client, and the host where org logs in.
func (h *Helper) dataCloudClient(ctx context.Context, org keystore.Org) (oauth, salesforce.Host, error) {
	grant, err := h.loadGrant(ctx, org)
	if err != nil {
		return nil, salesforce.Host{}, err
	}
	host, err := salesforce.ParseHost(grant.LoginURL, grant.Site, grant.AllowHost)
	if err != nil {
		return nil, host, storeError("use the grant of", org, err)
	}
	client, err := h.connect()
	return client, host, err
}

func isTokenRefused(err error) bool {
	e := (*salesforce.Error)(nil)
	return errors.As(err, &e) && e.Reason == salesforce.TokenRefused
}

func errNoTimeLeft(org keystore.Org) *protocol.Error {
	return &protocol.Error{
		Code: protocol.TemporarilyUnavailable, Message: fmt.Sprintf("get the Data Cloud token of %q: the refresh of the org's own token took too long", org),
		Org: string(org), Retryable: true, Remedy: remedy.To("try_again_org_refreshed"),
	}
}

// newDataCloudToken returns the token of the answer to a request that was sent at that time.
func (h *Helper) newDataCloudToken(org keystore.Org, a salesforce.Answer, at time.Time) keystore.Token {
	token := newToken(org, a, at)
	token.For = keystore.DataCloud
	if a.ExpiresIn > 0 && h.setExpiresAt(&token, at.Add(a.ExpiresIn), protocol.ExpiresAnswer) {
		return token
	}
	issued, expires, ok := salesforce.JWTLifetime(a.AccessToken)
	if !ok || !h.setExpiresAt(&token, exchangeResult{answer: a, sentAt: at}.localExpiry(issued, expires), protocol.ExpiresJWT) {
		h.setExpiresAt(&token, at.Add(assumedSessionLength), protocol.ExpiresAssumed)
	}
	return token
}

// revokeDataCloud revokes the org's cached token for Data Cloud, before the token for which it
// was exchanged is revoked. If that fails, the token expires in an hour or two.
func (h *Helper) revokeDataCloud(ctx context.Context, grant keystore.Grant) {
	token, err := h.loadCachedToken(ctx, grant.Org, keystore.DataCloud)
	if err != nil || token.AccessToken.Empty() || !token.ExpiresAt.After(h.now()) {
		return
	}
	client, host, err := h.dataCloudClient(ctx, grant.Org)
	if err == nil {
		err = client.RevokeDataCloud(ctx, host, token.InstanceURL, token.AccessToken)
	}
	if err != nil {
		e := salesforceError("revoke the Data Cloud token of", grant.Org, err)
		h.warn(fmt.Sprintf("%s; it expires at %s", e.Message, token.ExpiresAt.UTC().Format(time.RFC3339)))
	}
}
