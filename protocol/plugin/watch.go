package plugin

import (
	"context"
	"errors"
	"time"

	"forcecred/protocol"
	"forcecred/protocol/secret"
)

const (
	// minWatchTTL is the least MinTTL of a watch, because a refresh takes some time.
	minWatchTTL = 10 * time.Second
	// minInterval is the least time between two requests of a watch, with any expiry.
	minInterval = 250 * time.Millisecond
	// The backoff after a failure doubles from the first to the maximum.
	firstBackoff = time.Second
	maxBackoff   = 30 * time.Second
	// clockCheck is the interval in which a long wait reads the clock, because a timer does
	// not count the time while the machine sleeps.
	clockCheck = time.Minute
)

// watch sends a credential now, and another one before each expires. It retries after a
// retryable failure until the credential expires. It returns the error that ended it.
func watch(ctx context.Context, get func(context.Context, protocol.GetRequest) (protocol.Credential, error), req protocol.GetRequest, send func(protocol.Credential) error) error {
	var current protocol.Credential
	failures := 0
	req.MinTTL = max(req.MinTTL, minWatchTTL)
	for {
		c, err := get(ctx, req)
		switch {
		case err == nil:
			failures = 0
			if !c.AccessToken.Equal(current.AccessToken) {
				if err := send(c); err != nil {
					return err
				}
			}
			current = c
			req.RejectedToken, req.Force = secret.Text{}, false
		case !isRetryable(err) || !time.Now().Before(current.ExpiresAt):
			return err
		default:
			failures++
		}
		if err := wait(ctx, untilNext(time.Until(current.ExpiresAt), req.MinTTL, failures)); err != nil {
			return err
		}
	}
}

func isRetryable(err error) bool {
	e, ok := errors.AsType[*protocol.Error](err)
	return ok && e.Retryable
}

// untilNext returns how long to wait before the next request, if the credential expires
// after left.
func untilNext(left, minTTL time.Duration, failures int) time.Duration {
	next := left - minTTL
	if next <= 0 {
		next = left / 2 // a session that is shorter than minTTL
	}
	next += time.Millisecond // before, the helper would return the same token
	if failures > 0 {
		next = min(firstBackoff<<min(failures-1, 10), maxBackoff, left)
	}
	return max(next, minInterval)
}

// wait waits for d, by the wall clock as well.
func wait(ctx context.Context, d time.Duration) error {
	end := time.Now().Add(d)
	wall := end.Round(0)
	for now := time.Now(); now.Before(end) && now.Before(wall); now = time.Now() {
		timer := time.NewTimer(min(end.Sub(now), clockCheck))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
	return nil
}
