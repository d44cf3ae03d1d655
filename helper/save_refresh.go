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

// savePauses are the waits before each further try to save a refresh token
// that exists nowhere else.
var saveBackoffs = []time.Duration{20 * time.Millisecond, 200 * time.Millisecond, time.Second}

// save keeps what a refresh brought: the next refresh token before anything
// else is looked at, also when it is all that can be used of the answer; then
// the access token, which it returns. spendErr is returned when there is none.
func (h *Helper) save(ctx context.Context, grant keystore.Grant, s exchangeResult, reserved *reservation, cached keystore.Token, exchangeErr error) (keystore.Token, error) {
	ctx = context.WithoutCancel(ctx)
	if err := h.saveGrant(ctx, grant, s.answer, reserved, exchangeErr); err != nil {
		return keystore.Token{}, err
	}
	if exchangeErr != nil {
		e := refreshError(grant.Org, exchangeErr)
		e.Remedy = ofLogin(e.Remedy, grant)
		if mayRotate(grant) && !hasRotated(grant, s.answer.RefreshToken) && isOutcomeUnknown(exchangeErr) {
			e.Remedy = e.Remedy.WithNext("rotation_unknown")
		}
		return keystore.Token{}, e
	}
	h.warnForeignSite(grant.Org, s.answer)
	token := newToken(grant.Org, s.answer, s.sentAt)
	h.setExpiry(ctx, s, grant, &token, cached)
	if err := keystore.SaveToken(ctx, h.keystore(), token); err != nil {
		// The answer is good all the same; the next caller will have to refresh.
		h.warn(storeError("cache the token of", grant.Org, err).Message)
	}
	return token, nil
}

// saveGrant keeps what a refresh showed of the grant: the next refresh token,
// whether there is one at all, where the org is, and where an assertion was taken. What the keystore does not take is sealed
// into the journal, where the grant has a seal.
func (h *Helper) saveGrant(ctx context.Context, grant keystore.Grant, answer salesforce.Answer, reserved *reservation, exchangeErr error) error {
	next := answer.RefreshToken
	rotated := hasRotated(grant, next)
	accepted := storedTarget(answer.Accepted)
	known := !mayRotate(grant) && grant.InstanceURL == answer.InstanceURL && grant.Accepted == accepted
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
	var err error
	if vital {
		err = h.retrySave(ctx, save)
	} else {
		err = save()
	}
	switch {
	case err == nil:
		return nil
	case !vital:
		// All that is lost is the knowledge that the org does not rotate, or has moved.
		h.warn(storeError("save the grant of", grant.Org, err).Message)
		return nil
	}
	if !rotated {
		return storeError("store the grant of", grant.Org, err)
	}
	if journalErr := h.writeJournal(grant, next, reserved); journalErr != nil {
		e := storeError("save the new refresh token of", grant.Org, err)
		e.Message += fmt.Sprintf("; nor is it in the journal: %v", journalErr)
		e.Remedy = ofLogin(remedy.To("login_lost"), grant)
		e.Retryable = false
		return e
	}
	h.warn(storeError("save the new refresh token of", grant.Org, err).Message +
		"; it is sealed in the journal, and the next refresh will move it into the keystore")
	return nil
}

// insist saves what exists nowhere else, again after each of the pauses.
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

// hasRotated reports whether next replaces the refresh token of grant.
func hasRotated(grant keystore.Grant, next secret.Text) bool {
	return !next.Empty() && !next.Equal(grant.RefreshToken)
}

// saveAndReadBack saves a grant and looks whether it is there: some keyrings
// report success and store nothing.
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

// warnOfSite warns of a site that was left out of the answer.
func (h *Helper) warnForeignSite(org keystore.Org, a salesforce.Answer) {
	if a.ForeignSite {
		h.warnTo(fmt.Sprintf("the answer's sfdc_site_url of %q names a host to which the login's tokens may not go, so it is left out", org), remedy.To("allow_host"))
	}
}

func newToken(org keystore.Org, a salesforce.Answer, at time.Time) keystore.Token {
	return keystore.Token{Org: org, Token: a.Token, Expiry: keystore.Expiry{RefreshedAt: at}}
}
