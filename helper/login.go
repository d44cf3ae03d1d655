package helper

import (
	"context"
	"fmt"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
)

// Browser is the browser in which a user logs in.
type Browser interface {
	// RedirectURI returns the URL to which Salesforce redirects the browser.
	RedirectURI() string

	// Authorize opens address, and returns the parameters of the redirect that has that
	// state. Its error is a [*protocol.Error].
	Authorize(ctx context.Context, address, state string) (Redirect, error)
}

// Redirect has the parameters of the redirect: a code or an error.
type Redirect struct {
	Code             secret.Text
	Error            string
	ErrorDescription string
}

// Login lets the user log in with a browser, and stores the new grant in place of the
// org's old one. req has no refresh token; other members that it leaves out come from the
// stored org, if there is one. scopes are separated by spaces; "" requests all scopes of
// the app.
func (h *Helper) Login(ctx context.Context, req protocol.StoreRequest, scopes string, browser Browser) (protocol.ListedOrg, error) {
	defer h.memory.forget(keystore.Org(req.Org))
	org, err := newOrg(req.Org)
	if err != nil {
		return protocol.ListedOrg{}, err
	}
	req, err = h.fillFromStored(ctx, org, req)
	if err != nil {
		return protocol.ListedOrg{}, err
	}
	grant, host, err := h.newLogin(org, req)
	if err != nil {
		return protocol.ListedOrg{}, badSetting(fmt.Sprintf("log in to %q", org), org, err)
	}
	client, err := h.connect()
	if err != nil {
		return protocol.ListedOrg{}, err
	}
	// A login whose result cannot be stored wastes the user's time.
	if err := h.checkWritable(ctx, grant.Org); err != nil {
		return protocol.ListedOrg{}, err
	}
	authorization := salesforce.NewAuthorization(host, grant.ClientID, browser.RedirectURI(), scopes)
	code, err := requestConsent(ctx, browser, authorization, grant.Org)
	if err != nil {
		return protocol.ListedOrg{}, err
	}
	lock, err := h.lock(ctx, grant.Org)
	if err != nil {
		return protocol.ListedOrg{}, err
	}
	defer lock.unlock()
	s, err := h.exchangeCode(ctx, exchangeResult{client: client, host: host}, authorization, grant, code)
	defer s.release()
	if err != nil {
		h.revokeUnsaved(ctx, s)
		return protocol.ListedOrg{}, salesforceError("log in to", grant.Org, err)
	}
	return h.saveLogin(ctx, grant, s)
}

// newLogin checks a request, and returns the grant that a login completes and the host of
// the login.
func (h *Helper) newLogin(org keystore.Org, req protocol.StoreRequest) (keystore.Grant, salesforce.Host, error) {
	grant, err := h.newGrant(org, req)
	if err != nil {
		return grant, salesforce.Host{}, err
	}
	host, err := salesforce.ParseHost(grant.LoginURL, grant.Site, grant.AllowHost)
	return grant, host, err
}

// fillFromStored returns req with the members that it leaves out, taken from the stored org.
// The login URL comes with its site and allow_host, and the client id with its secret.
// A login of the Salesforce CLI is left alone: it belongs to the CLI's client.
func (h *Helper) fillFromStored(ctx context.Context, org keystore.Org, req protocol.StoreRequest) (protocol.StoreRequest, error) {
	stored, err := keystore.LoadGrant(ctx, h.keystore(), org)
	switch {
	case err != nil && !isAny(err, keystore.ErrNotFound, keystore.ErrCorrupt):
		return req, storeError("read the grant of", org, err)
	case err == nil && !stored.StoredAt.IsZero():
		if req.ClientID == "" {
			req.ClientID = stored.ClientID
		}
		if req.LoginURL == "" {
			req.LoginURL, req.Site, req.AllowHost = stored.LoginURL, stored.Site, stored.AllowHost
		}
		if req.ClientSecret.Empty() && req.ClientID == stored.ClientID && !stored.ClientSecret.Empty() {
			if !mayReuseSecret(stored, req) {
				return req, &protocol.Error{
					Code: protocol.Usage, Org: req.Org, Message: fmt.Sprintf("log in to %q: the client secret was stored for another host", org),
					Remedy: remedy.To("give_client_secret"),
				}
			}
			req.ClientSecret = stored.ClientSecret
		}
		if req.SessionTimeout == 0 {
			req.SessionTimeout = stored.SessionTimeout.Duration()
		}
	}
	if req.ClientID == "" {
		return req, &protocol.Error{
			Code: protocol.Usage, Org: req.Org, Message: fmt.Sprintf("log in to %q: the app's client id is missing", org),
			Remedy: remedy.To("give_client_id"),
		}
	}
	return req, nil
}

// mayReuseSecret reports whether the stored client secret may be sent to the host of req.
// A host that is neither Salesforce's nor trusted by the stored login gets only a secret
// that a person gives for it. A host that is invalid is refused later.
func mayReuseSecret(stored keystore.Grant, req protocol.StoreRequest) bool {
	old, err := salesforce.ParseHost(stored.LoginURL, stored.Site, stored.AllowHost)
	next, nextErr := salesforce.ParseHost(req.LoginURL, req.Site, req.AllowHost)
	return nextErr != nil || err == nil && old.MaySendTo(next)
}

// checkWritable checks that the keystore and the journal accept a write, and deletes what
// it wrote. It releases the lock, because the login of a person takes long, and other
// processes may need to refresh.
func (h *Helper) checkWritable(ctx context.Context, org keystore.Org) error {
	lock, err := h.lock(ctx, org)
	if err != nil {
		return err
	}
	defer lock.unlock()
	// Otherwise a journal entry of the stored grant would lose its key.
	if _, _, err := h.loadAndRecover(ctx, org); err != nil && !isAny(err, keystore.ErrNotFound, keystore.ErrCorrupt) {
		return err
	}
	key, err := h.loadKey(ctx, org)
	if err != nil {
		return storeError("prepare to log in to", org, err)
	}
	reserved, err := h.reserve(ctx, lock, org, key)
	if err != nil {
		return storeError("prepare to log in to", org, err)
	}
	h.cleanUp(ctx, reserved)
	return nil
}

// requestConsent opens the browser, and returns the code of the redirect.
func requestConsent(ctx context.Context, browser Browser, authorization salesforce.Authorization, org keystore.Org) (secret.Text, error) {
	redirect, err := browser.Authorize(ctx, authorization.URL(), authorization.State)
	if err != nil {
		return secret.Text{}, err
	}
	if redirect.Error != "" {
		return secret.Text{}, salesforceError("log in to", org, authorization.Refused(redirect.Error, redirect.ErrorDescription))
	}
	return redirect.Code, nil
}

// exchangeCode exchanges the code. It retries only if the code was not sent. The caller
// calls release, as after exchange.
func (h *Helper) exchangeCode(ctx context.Context, s exchangeResult, authorization salesforce.Authorization, grant keystore.Grant, code secret.Text) (exchangeResult, error) {
	deadline := h.now().Add(refreshTimeout)
	for try := 1; ; try++ {
		s.release = h.holdSignals()
		s.sentAt = h.now()
		var err error
		s.answer, err = s.client.ExchangeCode(context.WithoutCancel(ctx), authorization, grant.ClientSecret, code)
		if !s.answer.RefreshToken.Empty() {
			return s, err // the code is used; err is about another part of the answer
		}
		backoff, ok := retryAfter(err, usesRefreshToken(grant), try)
		if !ok || isBusy(err) || !h.hasTimeFor(backoff, deadline) {
			return s, err
		}
		s.release()
		s.release = func() {}
		if h.wait(ctx, backoff) != nil {
			return s, err
		}
	}
}

// saveLogin stores the grant, then its access token. If the grant cannot be stored,
// saveLogin revokes the login: nobody can use it, and Salesforce allows a user only a few
// for each app.
func (h *Helper) saveLogin(ctx context.Context, grant keystore.Grant, s exchangeResult) (protocol.ListedOrg, error) {
	ctx = context.WithoutCancel(ctx)
	grant.RefreshToken, grant.InstanceURL = s.answer.RefreshToken, s.answer.InstanceURL
	grant.Username, grant.Source = h.loadUsername(ctx, s), keystore.Browser
	// The new grant must not answer with the old one's tokens, as in Store.
	err := h.deleteTokens(ctx, grant.Org)
	if err == nil {
		err = h.retrySave(ctx, func() error { return keystore.SaveGrant(ctx, h.keystore(), grant) })
	}
	if err != nil {
		e := storeError("store the grant of", grant.Org, err)
		if h.revokeUnsaved(ctx, s) {
			e.Message += "; the new login was revoked at Salesforce"
		} else {
			e.Message += "; the new login could not be revoked: Salesforce lists it among the user's OAuth connected apps"
		}
		return protocol.ListedOrg{}, e
	}
	h.warnForeign(grant.Org, s.answer)
	token := newToken(grant.Org, s.answer, s.sentAt)
	h.setExpiry(ctx, s, grant, &token, keystore.Token{})
	if err := keystore.SaveToken(ctx, h.keystore(), token); err != nil {
		h.warn(storeError("cache the token of", grant.Org, err).Message) // the next get refreshes
	}
	return listedOrg(grant, token), nil
}

// loadUsername returns the user who logged in. It is best effort, because only people read it.
func (h *Helper) loadUsername(ctx context.Context, s exchangeResult) string {
	ctx, cancel := context.WithTimeout(ctx, introspectTimeout)
	defer cancel()
	name, err := s.client.Username(ctx, s.host, s.answer.AccessToken)
	if err != nil {
		return ""
	}
	return name
}

// revokeUnsaved revokes a login that cannot be stored, and reports whether it succeeded. It
// is best effort, because the user waits for an error.
func (h *Helper) revokeUnsaved(ctx context.Context, s exchangeResult) bool {
	if s.answer.RefreshToken.Empty() {
		return true
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	return s.client.Revoke(ctx, s.host, s.answer.RefreshToken) == nil
}

// revokeTimeout bounds that request.
const revokeTimeout = 10 * time.Second
