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

// Browser is where a user gives consent.
type Browser interface {
	// RedirectURI returns where the browser comes back to.
	RedirectURI() string

	// Visit sends the user to address, and returns what the browser brings back
	// together with that state. Its error is a [*protocol.Error].
	Authorize(ctx context.Context, address, state string) (Redirect, error)
}

// Redirect is what a browser brings back: a code, or the error in its place.
type Redirect struct {
	Code             secret.Text
	Error            string
	ErrorDescription string
}

// Login has the user log in with a browser, and keeps what Salesforce grants in
// place of what is kept of the org. req has no refresh token; what else it leaves
// out is taken from the org's record, if there is one. scopes are separated by
// spaces, "" asks for all that the app has. It returns what is known of the org now.
func (h *Helper) Login(ctx context.Context, req protocol.StoreRequest, scopes string, browser Browser) (protocol.ListedOrg, error) {
	defer h.memory.forget(keystore.Org(req.Org))
	req, err := h.fillFromStored(ctx, req)
	if err != nil {
		return protocol.ListedOrg{}, err
	}
	grant, err := h.newGrant(req)
	if err != nil {
		return protocol.ListedOrg{}, err
	}
	login, err := salesforce.ParseHost(grant.LoginURL, grant.Site, grant.AllowHost)
	if err != nil {
		return protocol.ListedOrg{}, badRequest(grant.Org, err)
	}
	client, err := h.connect()
	if err != nil {
		return protocol.ListedOrg{}, err
	}
	// Nobody is to log in for nothing.
	if err := h.checkWritable(ctx, grant.Org); err != nil {
		return protocol.ListedOrg{}, err
	}
	asked := salesforce.NewAuthorization(login, grant.ClientID, browser.RedirectURI(), scopes)
	code, err := requestConsent(ctx, browser, asked, grant.Org)
	if err != nil {
		return protocol.ListedOrg{}, err
	}
	unlock, err := h.lock(ctx, grant.Org)
	if err != nil {
		return protocol.ListedOrg{}, err
	}
	defer unlock()
	s, err := h.exchangeCode(ctx, exchangeResult{client: client, host: login}, asked, grant, code)
	defer s.release()
	if err != nil {
		h.revokeUnsaved(ctx, s)
		return protocol.ListedOrg{}, salesforceError("log in to", grant.Org, err)
	}
	return h.saveLogin(ctx, grant, s)
}

// complete takes what req leaves out from the org's record. A place belongs
// together (login URL, site, whether the host is allowed), and so do client id and
// secret. What the Salesforce CLI has is its own client's, and left to it.
func (h *Helper) fillFromStored(ctx context.Context, req protocol.StoreRequest) (protocol.StoreRequest, error) {
	org, err := newOrg(req.Org)
	if err != nil {
		return req, err
	}
	stored, err := keystore.LoadGrant(ctx, h.keystore(), org)
	switch {
	case err != nil && !isAny(err, keystore.ErrNotFound, keystore.ErrCorrupt):
		return req, storeError("read the grant of", org, err)
	case err == nil && !stored.StoredAt.IsZero():
		if req.ClientID == "" {
			req.ClientID = stored.ClientID
		}
		if req.ClientSecret.Empty() && req.ClientID == stored.ClientID {
			req.ClientSecret = stored.ClientSecret
		}
		if req.LoginURL == "" {
			req.LoginURL, req.Site, req.AllowHost = stored.LoginURL, stored.Site, stored.AllowHost
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

// proveWritable shows that the keystore takes a write, and leaves nothing behind.
// It does not keep the lock: a person takes long, and others may want to refresh.
func (h *Helper) checkWritable(ctx context.Context, org keystore.Org) error {
	unlock, err := h.lock(ctx, org)
	if err != nil {
		return err
	}
	defer unlock()
	// What the journal holds of the org's present grant would lose its key.
	if _, err := h.loadAndRecover(ctx, org); err != nil && !isAny(err, keystore.ErrNotFound, keystore.ErrCorrupt) {
		return err
	}
	reserved, err := h.reserve(ctx, org)
	if err != nil {
		return storeError("prepare to log in to", org, err)
	}
	h.cleanUp(ctx, reserved)
	return nil
}

// consent returns the code that the browser brings back.
func requestConsent(ctx context.Context, browser Browser, asked salesforce.Authorization, org keystore.Org) (secret.Text, error) {
	redirect, err := browser.Authorize(ctx, asked.URL(), asked.State)
	if err != nil {
		return secret.Text{}, err
	}
	if redirect.Error != "" {
		return secret.Text{}, salesforceError("log in to", org, asked.Refused(redirect.Error, redirect.ErrorDescription))
	}
	return redirect.Code, nil
}

// redeem exchanges the code, again only where it was not sent. The caller
// releases the signals, which are held from the first byte on.
func (h *Helper) exchangeCode(ctx context.Context, s exchangeResult, asked salesforce.Authorization, grant keystore.Grant, code secret.Text) (exchangeResult, error) {
	deadline := h.now().Add(refreshTimeout)
	for try := 1; ; try++ {
		s.release = h.holdSignals()
		s.sentAt = h.now()
		var err error
		s.answer, err = s.client.ExchangeCode(context.WithoutCancel(ctx), asked, grant.ClientSecret, code)
		if !s.answer.RefreshToken.Empty() {
			return s, err // the code is used up: what failed is the check of what it brought
		}
		backoff, again := mayResend(err, mayRotate(grant), try)
		if !again || isBusy(err) || !h.hasTimeFor(backoff, deadline) {
			return s, err
		}
		s.release()
		s.release = func() {}
		if h.wait(ctx, backoff) != nil {
			return s, err
		}
	}
}

// saveLogin keeps the grant, then the access token that came with it. A login
// that can't be kept is ended again at Salesforce: nobody would use it, and a user
// has few for each app.
func (h *Helper) saveLogin(ctx context.Context, grant keystore.Grant, s exchangeResult) (protocol.ListedOrg, error) {
	ctx = context.WithoutCancel(ctx)
	grant.RefreshToken, grant.InstanceURL = s.answer.RefreshToken, s.answer.InstanceURL
	grant.Username, grant.Source = h.loadUsername(ctx, s), keystore.Browser
	// As in Store: the old grant's tokens must not answer for the new one.
	err := h.deleteTokens(ctx, grant.Org)
	if err == nil {
		err = h.retrySave(ctx, func() error { return h.saveAndReadBack(ctx, grant) })
	}
	if err != nil {
		e := storeError("store the grant of", grant.Org, err)
		if h.revokeUnsaved(ctx, s) {
			e.Message += "; the login was ended again at Salesforce"
		} else {
			e.Message += "; nor could the login be ended again, which Salesforce now shows among the user's OAuth connected apps"
		}
		return protocol.ListedOrg{}, e
	}
	h.warnForeignSite(grant.Org, s.answer)
	token := newToken(grant.Org, s.answer, s.sentAt)
	h.setExpiry(ctx, s, grant, &token, keystore.Token{})
	if err := keystore.SaveToken(ctx, h.keystore(), token); err != nil {
		h.warn(storeError("cache the token of", grant.Org, err).Message) // the next get refreshes
	}
	return listedOrg(grant, token), nil
}

// username asks whose the login is, which only people want to know: best effort.
func (h *Helper) loadUsername(ctx context.Context, s exchangeResult) string {
	ctx, cancel := context.WithTimeout(ctx, introspectTimeout)
	defer cancel()
	name, err := s.client.Username(ctx, s.host, s.answer.AccessToken)
	if err != nil {
		return ""
	}
	return name
}

// abandon ends a login at Salesforce that can't be kept, and reports whether
// none is left. It is best effort, within the time of one request.
func (h *Helper) revokeUnsaved(ctx context.Context, s exchangeResult) bool {
	if s.answer.RefreshToken.Empty() {
		return true
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	return s.client.Revoke(ctx, s.host, s.answer.RefreshToken) == nil
}

// abandonBudget is how long a user waits for that, who is to hear of a failure.
const revokeTimeout = 10 * time.Second
