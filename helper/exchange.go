package helper

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
)

const (
	maxTries       = 4
	refreshTimeout = 45 * time.Second // for all tries of a request and the waits between them
	firstBackoff   = 250 * time.Millisecond
)

// spent is what came of spending a grant.
type exchangeResult struct {
	client  oauth
	grant   salesforce.Grant
	host    salesforce.Host
	answer  salesforce.Answer
	sentAt  time.Time // when it was sent
	release func()    // lets go of the signals that were held for it
}

// spend exchanges the grant, again where that can't send a refresh token twice
// that may be gone. Its error is a [*salesforce.Error], but when
// nothing could be sent at all; the answer's RefreshToken may be set even then.
// The caller calls release once what came back is saved.
func (h *Helper) exchange(ctx context.Context, grant keystore.Grant, deadline time.Time) (exchangeResult, error) {
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
			return s, err // whatever else it says, this token is dead, and its successor is here
		}
		backoff, again := mayResend(err, mayRotate(grant), try)
		if !again || !h.hasTimeFor(backoff, deadline) {
			return s, err
		}
		// Nothing of ours is in flight while we wait.
		s.release()
		s.release = func() {}
		if waitErr := h.wait(ctx, backoff); waitErr != nil {
			return s, err // the caller has left; what it hears is why we waited
		}
		if isBusy(err) && h.isReplaced(ctx, grant) {
			return s, err // somebody who does not know our lock has refreshed
		}
	}
}

// fits reports whether a whole exchange after that pause ends before deadline.
// One that has to be broken off would lose its answer.
func (h *Helper) hasTimeFor(backoff time.Duration, deadline time.Time) bool {
	return !h.now().Add(backoff + salesforce.ExchangeTimeout).After(deadline)
}

// exchange sends the grant once. What is on the wire can't be called back: until
// release, neither a caller who leaves nor a signal counts.
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

// mayResend is the retry rule of docs/decisions/0001: whether the same request
// may be sent after err, and after how long a pause. One that may rotate a refresh
// token is sent again only when it is certain that it did not.
func mayResend(err error, mayRotate bool, try int) (backoff time.Duration, again bool) {
	e := (*salesforce.Error)(nil)
	if err == nil || try == maxTries || !errors.As(err, &e) {
		return 0, false
	}
	switch e.Reason {
	case salesforce.Unreachable, salesforce.Busy, salesforce.Throttled:
	case salesforce.Lost, salesforce.ServerFault:
		if mayRotate {
			return 0, false
		}
	default:
		return 0, false
	}
	// Full jitter would let a crowd's first retry fall together with its cause.
	backoff = firstBackoff << (try - 1)
	backoff = backoff/2 + rand.N(backoff)
	return max(backoff, e.RetryAfter), true
}

// mayRotate reports whether a refresh of the grant may replace its refresh
// token: unless it has none, or the last one showed that it does not.
func mayRotate(grant keystore.Grant) bool {
	return usesRefreshToken(grant) && (grant.Rotates == nil || *grant.Rotates)
}

// isOutcomeUnknown reports whether the token was sent and nobody said what came of it.
func isOutcomeUnknown(err error) bool {
	e := (*salesforce.Error)(nil)
	return errors.As(err, &e) && (e.Reason == salesforce.Lost || e.Reason == salesforce.Garbled || e.Reason == salesforce.ServerFault)
}

func isBusy(err error) bool {
	e := (*salesforce.Error)(nil)
	return errors.As(err, &e) && e.Reason == salesforce.Busy
}

// maxAdoptions bounds how often one request starts over because somebody else
// replaced the grant while it was being spent.
const maxAdoptions = 3

// moved reports whether err may be due to the grant having been replaced by
// somebody else, and it has been: then the new one is worth a try.
func (h *Helper) shouldAdopt(ctx context.Context, grant keystore.Grant, err error) bool {
	e := (*salesforce.Error)(nil)
	if !errors.As(err, &e) || e.Reason != salesforce.GrantDead && e.Reason != salesforce.Busy {
		return false
	}
	return h.isReplaced(ctx, grant)
}

// hasMoved reports whether the store holds another refresh token than grant does.
func (h *Helper) isReplaced(ctx context.Context, grant keystore.Grant) bool {
	stored, err := keystore.LoadGrant(ctx, h.keystore(), grant.Org)
	return err == nil && !stored.RefreshToken.Equal(grant.RefreshToken)
}
