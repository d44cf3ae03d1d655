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
	"forcecred/protocol/secret"
)

// Set changes settings of a stored org. It refreshes once with the new settings
// before it stores them. If that fails, the stored settings stay. If Salesforce replaced
// the refresh token nevertheless, the new one is stored. See docs/decisions/0025.
func (h *Helper) Set(ctx context.Context, req protocol.SetRequest) error {
	defer h.memory.forget(keystore.Org(req.Org))
	org, err := h.resolveOrg(ctx, req.Org)
	if err != nil {
		return err
	}
	// A name that is not stored gets no lock, which would stay as a file.
	if grant, err := h.loadGrant(ctx, org); err != nil {
		return err
	} else if isForeign(grant) {
		return errForeign(grant, req)
	}
	if h.config.Worker != nil {
		return h.config.Worker.Set(ctx, req)
	}
	lock, err := h.lock(ctx, org)
	if err != nil {
		return err
	}
	defer lock.unlock()
	old, key, err := h.loadAndRecover(ctx, org)
	if err != nil {
		return err
	}
	changed, err := h.applySettings(old, req)
	if err != nil {
		return badSetting(fmt.Sprintf("%s %q", changing, org), org, err)
	}
	cached, err := h.loadCachedToken(ctx, org, keystore.OrgAPI)
	if err != nil {
		return err
	}
	reserved, err := h.prepare(ctx, lock, changed, key)
	if err != nil {
		return err
	}
	result, err := h.exchange(ctx, changed, reserved, h.now().Add(refreshTimeout))
	err = h.saveChange(context.WithoutCancel(ctx), change{old, changed, reserved}, result, cached, err)
	h.cleanUp(ctx, reserved)
	result.release()
	return err
}

// change is a grant before and after, with the reservation for its refresh.
type change struct {
	old, changed keystore.Grant
	reserved     *reservation
}

// isForeign reports whether the grant belongs to another program, and nobody stored it
// with forcecred.
func isForeign(grant keystore.Grant) bool { return grant.StoredAt.IsZero() }

// errForeign refuses to change a login of the Salesforce CLI. Its remedy is the CLI's
// command for the setting, if there is one.
func errForeign(grant keystore.Grant, req protocol.SetRequest) *protocol.Error {
	return storeError(changing, grant.Org, &keystore.Error{
		Reason: keystore.ErrForeign, Op: "write " + keystore.Key{Kind: keystore.KindGrant, Org: grant.Org}.String(),
		Err:    errors.New("the Salesforce CLI stores its logins itself"),
		Remedy: ofLogin(remedy.To(foreignRemedy(grant, req)), grant),
	})
}

func foreignRemedy(grant keystore.Grant, req protocol.SetRequest) remedy.Code {
	switch {
	case req.LoginURL != "":
		return "sf_set_host"
	case !req.ClientSecret.Empty() && grant.Type == keystore.RefreshToken:
		return "sf_set_secret"
	case req.Audience != nil && grant.Type == keystore.JWTBearer:
		return "sf_set_audience"
	}
	return "sf_no_setting"
}

// applySettings returns the grant with the settings of req, and checks them.
func (h *Helper) applySettings(grant keystore.Grant, req protocol.SetRequest) (keystore.Grant, error) {
	if err := req.Check(string(grant.Type)); err != nil {
		return grant, err
	}
	if req.LoginURL != "" {
		grant.LoginURL, grant.AllowHost = req.LoginURL, req.AllowHost
	}
	if req.Site != nil {
		grant.Site = *req.Site
	}
	if !req.ClientSecret.Empty() {
		grant.ClientSecret = req.ClientSecret
	}
	if req.SessionTimeout != nil {
		grant.SessionTimeout = keystore.Seconds(*req.SessionTimeout / time.Second)
	}
	if req.PrivateKeyFile != "" {
		grant.PrivateKeyFile, grant.PrivateKey = req.PrivateKeyFile, secret.Text{}
	}
	if req.KeyID != nil {
		grant.KeyID = *req.KeyID
	}
	if req.Audience != nil {
		grant.Audience = *req.Audience
	}
	// The last refresh used the old settings, so its results do not count.
	grant.Rotates, grant.Accepted = nil, keystore.Target{}
	err := checkCredentials(grant)
	if err != nil {
		return grant, err
	}
	_, host, err := h.salesforceGrant(grant)
	if err != nil {
		return grant, err
	}
	grant.LoginURL, grant.Site = host.URL(), host.Site()
	return grant, nil
}

// saveChange stores the result of the refresh: the changed grant if the refresh succeeded,
// and a new refresh token in any case.
func (h *Helper) saveChange(ctx context.Context, c change, s exchangeResult, cached keystore.Token, exchangeErr error) error {
	rotated := hasRotated(c.old, s.answer.RefreshToken)
	isSealed := rotated && h.seal(c.old, s.answer.RefreshToken, c.reserved)
	updated := c.changed
	if exchangeErr != nil {
		if !rotated {
			return changeError(c, exchangeErr, false)
		}
		updated = c.old // the changed settings failed
	} else {
		updated.InstanceURL = s.answer.InstanceURL
	}
	if rotated {
		updated.RefreshToken = s.answer.RefreshToken
	}
	if usesRefreshToken(updated) {
		updated.Rotates = &rotated
	} else if err := h.deleteTokens(ctx, updated.Org); err != nil {
		// The changed grant may be for another org, which must not answer with these
		// tokens. A refresh token stays with its org.
		return storeError("delete the cached token of", updated.Org, err)
	}
	updated.RefreshedAt = h.now()
	if err := h.retrySave(ctx, func() error { return h.replaceGrant(ctx, c.old, updated, c.reserved) }); err != nil {
		return h.saveChangeError(c, s, rotated, isSealed, err)
	}
	c.reserved.drop()
	if exchangeErr != nil {
		return changeError(c, exchangeErr, rotated)
	}
	h.cacheToken(ctx, updated, s, cached)
	return nil
}

// cacheToken replaces the cached tokens of the old grant with the token of the refresh. It
// is best effort: the grant is stored already.
func (h *Helper) cacheToken(ctx context.Context, grant keystore.Grant, s exchangeResult, cached keystore.Token) {
	token := newToken(grant.Org, s.answer, s.sentAt)
	h.setExpiry(ctx, s, grant, &token, cached)
	err := h.deleteTokens(ctx, grant.Org)
	if err == nil {
		err = keystore.SaveToken(ctx, h.keystore(), token)
	}
	if err != nil {
		h.warn(storeError("cache the token of", grant.Org, err).Message)
	}
}

const (
	changing      = "change the settings of"
	unchangedNote = "; the stored settings are unchanged"
)

// changeError returns the error of a refresh that failed with the changed settings. If a new
// refresh token was stored, the error does not warn that the outcome is unknown.
func changeError(c change, err error, rotated bool) *protocol.Error {
	e := salesforceError(changing, c.old.Org, err)
	e.Message += unchangedNote
	if cause := (*salesforce.Error)(nil); errors.As(err, &cause) && cause.Reason == salesforce.GrantDead {
		// The login is dead only if the old settings say so too.
		e.Code = protocol.Refused
		e.Remedy = remedy.Remedy{Code: "check_settings", Org: string(c.old.Org)}
	}
	if usesRefreshToken(c.old) && !rotated && isOutcomeUnknown(err) {
		e.Remedy = e.Remedy.WithNext("rotation_unknown")
	}
	return e
}

// saveChangeError returns the error of a keystore that did not accept the changed grant. It
// writes a new refresh token into the journal, unless that has it.
func (h *Helper) saveChangeError(c change, s exchangeResult, rotated, isSealed bool, err error) *protocol.Error {
	e := storeError(changing, c.old.Org, err)
	e.Message += unchangedNote
	if !rotated || errors.Is(err, errOvertaken) {
		return e
	}
	var journalErr error
	if !isSealed {
		journalErr = h.writeJournal(c.old, s.answer.RefreshToken, c.reserved)
	}
	if journalErr != nil {
		e.Message = fmt.Sprintf("%s; the journal did not accept the new refresh token either: %v", e.Message, journalErr)
		e.Remedy = ofLogin(remedy.To("login_lost"), c.old)
		e.Retryable = false
		return e
	}
	e.Message += "; the new refresh token is stored in the journal, and the next refresh will move it into the keystore"
	return e
}
