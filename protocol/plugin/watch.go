package plugin

import (
	"context"
	"errors"
	"time"

	"forcecred/protocol"
	"forcecred/protocol/secret"
)

const (
	// leastTTL is how long before its end a token is replaced in any case: a
	// refresh takes its time.
	leastTTL = 10 * time.Second
	// shortestPause keeps a watch from spinning, whatever the expiry says.
	shortestPause = 250 * time.Millisecond
	// Pauses after failures double from the first to the longest.
	firstRetry   = time.Second
	longestRetry = 30 * time.Second
	// clockCheck is how often a long pause looks at the clock: a timer does not
	// count the time for which the machine sleeps.
	clockCheck = time.Minute
)

// watch sends a credential now and another one each time before it ends. A
// failure that may pass is tried again while the credential lasts. It returns
// why it came to an end.
func watch(ctx context.Context, get func(context.Context, protocol.GetRequest) (protocol.Credential, error), req protocol.GetRequest, send func(protocol.Credential) error) error {
	var current protocol.Credential
	failures := 0
	req.MinTTL = max(req.MinTTL, leastTTL)
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
		if err := pause(ctx, untilNext(time.Until(current.ExpiresAt), req.MinTTL, failures)); err != nil {
			return err
		}
	}
}

func isRetryable(err error) bool {
	e, ok := errors.AsType[*protocol.Error](err)
	return ok && e.Retryable
}

// untilNext returns when to ask next, of a credential that has so long left.
func untilNext(left, minTTL time.Duration, failures int) time.Duration {
	next := left - minTTL
	if next <= 0 {
		next = left / 2 // a session that is shorter than minTTL
	}
	next += time.Millisecond // until then the helper takes it for good enough
	if failures > 0 {
		next = min(firstRetry<<min(failures-1, 10), longestRetry, left)
	}
	return max(next, shortestPause)
}

// pause waits for so long, by the clock on the wall as well.
func pause(ctx context.Context, d time.Duration) error {
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
