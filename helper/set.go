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
// before it stores them. If that fails, the settings stay as they are; a refresh
// token that Salesforce replaced all the same is stored. See docs/decisions/0025.
func (h *Helper) Set(ctx context.Context, req protocol.SetRequest) error {
	defer h.memory.forget(keystore.Org(req.Org))
	org, err := h.org(ctx, req.Org)
	if err != nil {
		return err
	}
	// No lock is left behind under a name that nobody stored.
	if grant, err := h.grant(ctx, org); err != nil {
		return err
	} else if isForeign(grant) {
		return errNotOurs(grant)
	}
	unlock, err := h.lock(ctx, org)
	if err != nil {
		return err
	}
	defer unlock()
	old, err := h.load(ctx, org)
	if err != nil {
		return err
	}
	changed, err := h.changed(old, req)
	if err != nil {
		return err
	}
	cached, err := h.cached(ctx, org, keystore.OrgAPI)
	if err != nil {
		return err
	}
	seal, err := h.prepare(ctx, changed)
	if err != nil {
		return err
	}
	spent, err := h.spend(ctx, changed, h.now().Add(spendBudget))
	err = h.saveChange(context.WithoutCancel(ctx), change{old, changed, seal}, spent, cached, err)
	h.cleanUp(ctx, seal)
	spent.release()
	return err
}

// change is a grant before and after, and what is prepared for its refresh.
type change struct {
	old, changed keystore.Grant
	seal         *seal
}

// isForeign reports whether the grant is another program's, which no person has
// stored with forcecred.
func isForeign(grant keystore.Grant) bool { return grant.StoredAt.IsZero() }

func errNotOurs(grant keystore.Grant) *protocol.Error {
	return storeError("change the settings of", grant.Org, &keystore.Error{
		Reason: keystore.ErrForeign, Op: "write " + keystore.Key{Kind: keystore.KindGrant, Org: grant.Org}.String(),
		Err:    errors.New("the Salesforce CLI keeps its logins itself"),
		Remedy: ofLogin(remedy.To("sf_log_in_at_host"), grant),
	})
}

// changed returns the grant with what req changes, checked.
func (h *Helper) changed(grant keystore.Grant, req protocol.SetRequest) (keystore.Grant, error) {
	if err := req.Check(string(grant.Type)); err != nil {
		return grant, badRequest(grant.Org, err)
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
	// What the last refresh showed was of the old settings.
	grant.Rotates, grant.Accepted = nil, keystore.Target{}
	err := checkCredentials(grant)
	if err != nil {
		return grant, badRequest(grant.Org, err)
	}
	_, login, err := h.asked(grant)
	if err != nil {
		return grant, badRequest(grant.Org, err)
	}
	grant.LoginURL, grant.Site = login.URL(), login.Site()
	return grant, nil
}

// saveChange stores what came of the refresh: the changed grant where that
// succeeded, and the next refresh token in any case.
func (h *Helper) saveChange(ctx context.Context, c change, s spent, cached keystore.Token, spendErr error) error {
	rotated := hasRotated(c.old, s.answer.RefreshToken)
	updated := c.changed
	if spendErr != nil {
		if !rotated {
			return unchanged(c, spendErr, false)
		}
		updated = c.old // whoever has answered so is not to be asked again
	} else {
		updated.InstanceURL = s.answer.InstanceURL
	}
	if rotated {
		updated.RefreshToken = s.answer.RefreshToken
	}
	if isRefreshed(updated) {
		updated.Rotates = &rotated
	} else if err := h.dropTokens(ctx, updated.Org); err != nil {
		// They may be of another org than the changed grant, as which they must not
		// answer; with a refresh token it is the same org.
		return storeError("drop the cached token of", updated.Org, err)
	}
	updated.RefreshedAt = h.now()
	if err := h.insist(ctx, func() error { return h.saveAndReadBack(ctx, updated) }); err != nil {
		return h.notSaved(c, s, rotated, err)
	}
	if spendErr != nil {
		return unchanged(c, spendErr, rotated)
	}
	h.cacheNew(ctx, updated, s, cached)
	return nil
}

// cacheNew caches the token that came with a changed grant, in place of those of
// the old one. It is best effort: the login is safe.
func (h *Helper) cacheNew(ctx context.Context, grant keystore.Grant, s spent, cached keystore.Token) {
	token := newToken(grant.Org, s.answer, s.at)
	h.setExpiry(ctx, s, grant, &token, cached)
	err := h.dropTokens(ctx, grant.Org)
	if err == nil {
		err = keystore.SaveToken(ctx, h.keystore(), token)
	}
	if err != nil {
		h.warn(storeError("cache the token of", grant.Org, err).Message)
	}
}

const (
	changing    = "change the settings of"
	isUnchanged = "; the stored settings are unchanged"
)

// unchanged tells why there was no refresh with the changed settings. Whether the
// refresh token was rotated is known where a new one was stored.
func unchanged(c change, err error, rotated bool) *protocol.Error {
	e := salesforceError(changing, c.old.Org, err)
	e.Message += isUnchanged
	if cause := (*salesforce.Error)(nil); errors.As(err, &cause) && cause.Reason == salesforce.GrantDead {
		// The login is dead only if the old settings say so too.
		e.Code = protocol.Refused
		e.Remedy = remedy.Remedy{Code: "check_settings", Org: string(c.old.Org)}
	}
	if isRefreshed(c.old) && !rotated && isOutcomeUnknown(err) {
		e.Remedy = e.Remedy.WithNext("rotation_unknown")
	}
	return e
}

// notSaved seals the refresh token that the keystore did not take, and tells of it.
func (h *Helper) notSaved(c change, s spent, rotated bool, err error) *protocol.Error {
	e := storeError(changing, c.old.Org, err)
	e.Message += isUnchanged
	if !rotated {
		return e
	}
	if sealErr := h.sealNext(c.old, s.answer.RefreshToken, c.seal); sealErr != nil {
		e.Message = fmt.Sprintf("%s; the new refresh token is not in the journal either: %v", e.Message, sealErr)
		e.Hint, e.Remedy = "", ofLogin(remedy.To("login_lost"), c.old)
		e.Retryable = false
		return e
	}
	e.Message += "; the new refresh token is sealed in the journal, and the next refresh will move it into the keystore"
	return e
}
