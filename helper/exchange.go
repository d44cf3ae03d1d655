package helper

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
)

const (
	maxTries       = 4
	refreshTimeout = 45 * time.Second // for all tries of a request and the waits between them
	firstBackoff   = 250 * time.Millisecond
)

// exchangeResult is the result of exchanging a grant.
type exchangeResult struct {
	client  oauth
	grant   salesforce.Grant
	host    salesforce.Host
	answer  salesforce.Answer
	sentAt  time.Time // of the last request
	release func()    // releases the signals, which are held since the last request
}

// exchange exchanges the grant for an access token. It retries only if that cannot send
// a refresh token that Salesforce may have replaced. Its error is a [*salesforce.Error]
// if a request was sent. The answer may have a new refresh token in spite of an error.
// The caller saves the answer, then calls release.
func (h *Helper) exchange(ctx context.Context, grant keystore.Grant, reserved *reservation, deadline time.Time) (exchangeResult, error) {
	s := exchangeResult{release: func() {}}
	var err error
	if s.grant, s.host, err = h.salesforceGrant(grant); err != nil {
		return s, storeError("use the grant of", grant.Org, err)
	}
	if s.client, err = h.connect(); err != nil {
		return s, err
	}
	for try := 1; ; try++ {
		err = h.exchangeOnce(ctx, &s)
		if hasRotated(grant, s.answer.RefreshToken) {
			return s, err // a retry would send the old refresh token, which is dead now
		}
		backoff, ok := retryAfter(err, usesRefreshToken(grant), try)
		if !ok || !h.hasTimeFor(backoff, deadline) {
			return s, err
		}
		// No request is in flight during the wait.
		s.release()
		s.release = func() {}
		if waitErr := h.wait(ctx, backoff); waitErr != nil {
			return s, err // the caller has left; err is the reason for the wait
		}
		if isBusy(err) && h.isReplaced(ctx, grant) {
			return s, err // a program that does not use this lock has refreshed
		}
		if reserved.isLockLost() {
			return s, err // another process may send the refresh token
		}
	}
}

// hasTimeFor reports whether a whole exchange after that backoff ends before deadline.
// An exchange that is aborted loses its answer.
func (h *Helper) hasTimeFor(backoff time.Duration, deadline time.Time) bool {
	return !h.now().Add(backoff + salesforce.ExchangeTimeout).After(deadline)
}

// exchangeOnce sends the grant once. Until release is called, neither the caller's context
// nor a signal ends the work.
func (h *Helper) exchangeOnce(ctx context.Context, s *exchangeResult) error {
	s.release = h.holdSignals()
	var err error
	s.sentAt = h.now()
	s.answer, err = s.client.Exchange(context.WithoutCancel(ctx), s.grant)
	if s.answer.Accepted != (salesforce.Target{}) {
		s.host = s.answer.Accepted.Host
	}
	return err
}

// retryAfter is the retry rule of docs/decisions/0001: whether the same request may be
// sent again after err, and after which backoff. A refresh token is sent again only if
// Salesforce certainly did not process it: an org that did not rotate before may begin to.
func retryAfter(err error, isRefreshToken bool, try int) (backoff time.Duration, ok bool) {
	e := (*salesforce.Error)(nil)
	if err == nil || try == maxTries || !errors.As(err, &e) {
		return 0, false
	}
	switch e.Reason {
	case salesforce.Unreachable, salesforce.Busy:
	case salesforce.Throttled:
		// A login rate is exceeded for minutes, and each retry counts. A gateway's 429 is
		// over in a moment.
		if e.RetryAfter == 0 && e.Status != http.StatusTooManyRequests {
			return 0, false
		}
	case salesforce.Lost, salesforce.ServerFault:
		if isRefreshToken {
			return 0, false
		}
	default:
		return 0, false
	}
	// With full jitter, some of a crowd would retry at once, and fail again.
	backoff = firstBackoff << (try - 1)
	backoff = backoff/2 + rand.N(backoff)
	return max(backoff, e.RetryAfter), true
}

// isOutcomeUnknown reports whether the request was sent, and no answer says whether
// Salesforce processed it.
func isOutcomeUnknown(err error) bool {
	e := (*salesforce.Error)(nil)
	return errors.As(err, &e) && (e.Reason == salesforce.Lost || e.Reason == salesforce.Garbled || e.Reason == salesforce.ServerFault)
}

func isBusy(err error) bool {
	e := (*salesforce.Error)(nil)
	return errors.As(err, &e) && e.Reason == salesforce.Busy
}

// maxAdoptions is how often one request starts again because another program replaced
// the grant meanwhile.
const maxAdoptions = 3

// shouldAdopt reports whether err may be the result of a replaced grant, and the store
// has a new one: the request starts again with that.
func (h *Helper) shouldAdopt(ctx context.Context, grant keystore.Grant, err error) bool {
	e := (*salesforce.Error)(nil)
	if !errors.As(err, &e) || e.Reason != salesforce.GrantDead && e.Reason != salesforce.Busy {
		return false
	}
	return h.isReplaced(ctx, grant)
}

// isReplaced reports whether the store has another refresh token than grant has.
func (h *Helper) isReplaced(ctx context.Context, grant keystore.Grant) bool {
	stored, err := keystore.LoadGrant(ctx, h.keystore(), grant.Org)
	return err == nil && !stored.RefreshToken.Equal(grant.RefreshToken)
}
