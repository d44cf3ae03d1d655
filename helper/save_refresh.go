package helper

import (
	"context"
	"fmt"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
)

// saveBackoffs are the waits before each retry of saving a refresh token that exists
// nowhere else.
var saveBackoffs = []time.Duration{20 * time.Millisecond, 200 * time.Millisecond, time.Second}

// save saves the answer to a refresh. It saves the new refresh token first, even if the
// rest of the answer is unusable. Then it caches the access token and returns it, or
// returns exchangeErr.
func (h *Helper) save(ctx context.Context, grant keystore.Grant, s exchangeResult, reserved *reservation, cached keystore.Token, exchangeErr error) (keystore.Token, error) {
	ctx = context.WithoutCancel(ctx)
	if err := h.saveGrant(ctx, grant, s.answer, reserved, exchangeErr); err != nil {
		return keystore.Token{}, err
	}
	if exchangeErr != nil {
		e := loginError(grant, exchangeErr)
		if usesRefreshToken(grant) && !hasRotated(grant, s.answer.RefreshToken) && isOutcomeUnknown(exchangeErr) {
			e.Remedy = e.Remedy.WithNext("rotation_unknown")
		}
		return keystore.Token{}, e
	}
	h.warnForeign(grant.Org, s.answer)
	token := newToken(grant.Org, s.answer, s.sentAt)
	h.setExpiry(ctx, s, grant, &token, cached)
	if err := keystore.SaveToken(ctx, h.keystore(), token); err != nil {
		// The token is valid without the cache; the next caller refreshes again.
		h.warn(storeError("cache the token of", grant.Org, err).Message)
	}
	return token, nil
}

// saveGrant saves what a refresh showed: the new refresh token, whether the grant rotates,
// the org's instance, and the host and audience that accepted an assertion. If the
// keystore does not accept a new refresh token, saveGrant writes it into the journal.
func (h *Helper) saveGrant(ctx context.Context, grant keystore.Grant, answer salesforce.Answer, reserved *reservation, exchangeErr error) error {
	next := answer.RefreshToken
	rotated := hasRotated(grant, next)
	accepted := storedTarget(answer.Accepted)
	known := isRotationKnown(grant, rotated) && grant.InstanceURL == answer.InstanceURL && grant.Accepted == accepted
	if !rotated && (exchangeErr != nil || known) {
		return nil // nothing new
	}
	vital := rotated || reserved.isNew()
	updated := grant
	if rotated {
		updated.RefreshToken = next
	}
	if usesRefreshToken(grant) {
		updated.Rotates = &rotated
	}
	if exchangeErr == nil {
		updated.InstanceURL, updated.Accepted = answer.InstanceURL, accepted
	}
	updated.RefreshedAt = h.now()
	save := func() error { return h.saveAndReadBack(ctx, updated) }
	isWritten := rotated && !reserved.isNew() && h.journal().IsFirst(grant.Org) && h.writeJournal(grant, next, reserved) == nil
	var err error
	if vital && !isWritten {
		err = h.retrySave(ctx, save)
	} else {
		err = save()
	}
	switch {
	case err == nil:
		reserved.drop()
		return nil
	case !vital:
		// Only the new instance, or the fact that the grant does not rotate, is lost.
		h.warn(storeError("save the grant of", grant.Org, err).Message)
		return nil
	}
	if !rotated {
		return storeError("store the grant of", grant.Org, err)
	}
	var journalErr error
	if !isWritten {
		journalErr = h.writeJournal(grant, next, reserved)
	}
	if journalErr != nil {
		e := storeError("save the new refresh token of", grant.Org, err)
		e.Message += fmt.Sprintf("; the journal did not accept it either: %v", journalErr)
		e.Remedy = ofLogin(remedy.To("login_lost"), grant)
		e.Retryable = false
		return e
	}
	h.warn(storeError("save the new refresh token of", grant.Org, err).Message +
		"; it is stored in the journal, and the next refresh will move it into the keystore")
	return nil
}

// retrySave saves what exists nowhere else, and retries after each of saveBackoffs.
func (h *Helper) retrySave(ctx context.Context, save func() error) error {
	err := save()
	for _, backoff := range saveBackoffs {
		if err == nil || h.wait(ctx, backoff) != nil {
			break
		}
		err = save()
	}
	return err
}

// isRotationKnown reports whether the grant already says that its refresh token rotates, or
// that it does not. That is for people: no refresh relies on it.
func isRotationKnown(grant keystore.Grant, rotated bool) bool {
	return !usesRefreshToken(grant) || grant.Rotates != nil && *grant.Rotates == rotated
}

// hasRotated reports whether next replaces the refresh token of grant.
func hasRotated(grant keystore.Grant, next secret.Text) bool {
	return !next.Empty() && !next.Equal(grant.RefreshToken)
}

// saveAndReadBack saves a grant and reads it back, because some keyrings report success
// and store nothing.
func (h *Helper) saveAndReadBack(ctx context.Context, grant keystore.Grant) error {
	if err := keystore.SaveGrant(ctx, h.keystore(), grant); err != nil {
		return err
	}
	stored, err := keystore.LoadGrant(ctx, h.keystore(), grant.Org)
	if isAny(err, keystore.ErrNotFound) || err == nil && !isSameGrant(stored, grant) {
		return errNotStored(keystore.Key{Kind: keystore.KindGrant, Org: grant.Org})
	}
	return err
}

// warnForeign warns of the members that were left out of the answer.
func (h *Helper) warnForeign(org keystore.Org, a salesforce.Answer) {
	for _, member := range a.Foreign {
		h.warnTo(fmt.Sprintf("the answer's %s of %q names a host to which the login's tokens may not go, so it is left out", member, org), remedy.To("allow_host"))
	}
}

func newToken(org keystore.Org, a salesforce.Answer, at time.Time) keystore.Token {
	return keystore.Token{Org: org, Token: a.Token, Expiry: keystore.Expiry{RefreshedAt: at}}
}
