package helper

import (
	"context"
	"errors"
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

// refresh is a refresh that Salesforce has answered.
type refresh struct {
	grant    keystore.Grant // that was sent
	result   exchangeResult
	reserved *reservation
	cached   keystore.Token // before the refresh
	isAnswer bool           // see requirement
}

// save saves the answer to a refresh. It makes the new refresh token durable first, even if
// the rest of the answer is unusable. Then it caches the access token and returns it, or
// returns exchangeErr.
func (h *Helper) save(ctx context.Context, r refresh, exchangeErr error) (keystore.Token, error) {
	ctx = context.WithoutCancel(ctx)
	change := h.changeOf(r, exchangeErr)
	isSealed := change.rotated && h.seal(r.grant, r.result.answer.RefreshToken, r.reserved)
	isDurable := isSealed || !change.isVital
	if !isDurable {
		if err := h.saveVital(ctx, r, change); err != nil {
			return keystore.Token{}, err
		}
	}
	var token keystore.Token
	if exchangeErr == nil {
		h.warnForeign(r.grant.Org, r.result.answer)
		token = newToken(r.grant.Org, r.result.answer, r.result.sentAt)
		h.setExpiry(ctx, r.result, r.grant, &token, r.cached)
		defer h.answerEarly(token, r.isAnswer)()
	}
	isOvertaken := isDurable && !h.saveInPlace(ctx, r, change)
	if exchangeErr != nil {
		e := loginError(r.grant, exchangeErr)
		if usesRefreshToken(r.grant) && !change.rotated && isOutcomeUnknown(exchangeErr) {
			e.Remedy = e.Remedy.WithNext("rotation_unknown")
		}
		return keystore.Token{}, e
	}
	if isOvertaken {
		return token, nil // uncached: the login may be another user's now
	}
	if err := keystore.SaveToken(ctx, h.keystore(), token); err != nil {
		// The token is valid without the cache; the next caller refreshes again.
		h.warn(storeError("cache the token of", r.grant.Org, err).Message)
	}
	return token, nil
}

// grantChange is what a refresh showed of a grant.
type grantChange struct {
	updated keystore.Grant
	isNew   bool // the stored grant differs
	rotated bool // the grant has a new refresh token
	isVital bool // it exists nowhere else
}

// changeOf returns what a refresh showed: the new refresh token, whether the grant rotates,
// the org's instance, and the host and audience that accepted an assertion.
func (h *Helper) changeOf(r refresh, exchangeErr error) grantChange {
	answer := r.result.answer
	rotated := hasRotated(r.grant, answer.RefreshToken)
	accepted := storedTarget(answer.Accepted)
	known := isRotationKnown(r.grant, rotated) && r.grant.InstanceURL == answer.InstanceURL && r.grant.Accepted == accepted
	if !rotated && (exchangeErr != nil || known) {
		return grantChange{}
	}
	updated := r.grant
	if rotated {
		updated.RefreshToken = answer.RefreshToken
	}
	if usesRefreshToken(r.grant) {
		updated.Rotates = &rotated
	}
	if exchangeErr == nil {
		updated.InstanceURL, updated.Accepted = answer.InstanceURL, accepted
	}
	updated.RefreshedAt = h.now()
	return grantChange{updated, true, rotated, rotated || r.reserved.isNew()}
}

// saveVital saves a grant that exists nowhere else. If the keystore does not accept a new
// refresh token, saveVital writes it into the journal.
func (h *Helper) saveVital(ctx context.Context, r refresh, change grantChange) error {
	err := h.retrySave(ctx, func() error { return h.replaceGrant(ctx, r.grant, change.updated, r.reserved) })
	if err == nil {
		r.reserved.drop()
		return nil
	}
	if !change.rotated {
		return storeError("store the grant of", r.grant.Org, err)
	}
	if journalErr := h.writeJournal(r.grant, change.updated.RefreshToken, r.reserved); journalErr != nil {
		e := storeError("save the new refresh token of", r.grant.Org, err)
		e.Message += fmt.Sprintf("; the journal did not accept it either: %v", journalErr)
		e.Remedy = ofLogin(remedy.To("login_lost"), r.grant)
		e.Retryable = false
		return e
	}
	h.warnInJournal(r.grant.Org, err)
	return nil
}

// saveInPlace saves a grant whose refresh token is durable already. Otherwise only the new
// instance, or the fact that the grant does not rotate, is lost. It reports false if another
// process has changed the grant.
func (h *Helper) saveInPlace(ctx context.Context, r refresh, change grantChange) bool {
	if !change.isNew {
		return true
	}
	switch err := h.replaceGrant(ctx, r.grant, change.updated, r.reserved); {
	case err == nil:
		r.reserved.drop()
	case errors.Is(err, errOvertaken):
		h.warn(storeError("save the grant of", r.grant.Org, err).Message)
		return false
	case change.rotated:
		h.warnInJournal(r.grant.Org, err)
	default:
		h.warn(storeError("save the grant of", r.grant.Org, err).Message)
	}
	return true
}

// errOvertaken is for a grant that another process has changed, after it took the lock from
// this one.
var errOvertaken = fmt.Errorf("%w, and another process has changed the login meanwhile", keystore.ErrLockLost)

// replaceGrant stores what replaces the grant that was sent. If the lock was lost, it does so
// only if the keystore still has that grant: what another process has stored is newer.
func (h *Helper) replaceGrant(ctx context.Context, sent, next keystore.Grant, s *reservation) error {
	if !s.isNew() && s.isLockLost() && h.isReplaced(ctx, sent) {
		return errOvertaken
	}
	return keystore.SaveGrant(ctx, h.keystore(), next)
}

// warnInJournal warns that a keystore did not accept a refresh token.
func (h *Helper) warnInJournal(org keystore.Org, err error) {
	h.warn(storeError("save the new refresh token of", org, err).Message +
		"; it is stored in the journal, and the next refresh will move it into the keystore")
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

// warnForeign warns of the members that were left out of the answer.
func (h *Helper) warnForeign(org keystore.Org, a salesforce.Answer) {
	for _, member := range a.Foreign {
		h.warnTo(fmt.Sprintf("the answer's %s of %q names a host to which the login's tokens may not go, so it is left out", member, org), remedy.To("allow_host"))
	}
}

func newToken(org keystore.Org, a salesforce.Answer, at time.Time) keystore.Token {
	return keystore.Token{Org: org, Token: a.Token, Expiry: keystore.Expiry{RefreshedAt: at}}
}
