package client

import (
	"context"
	"slices"
	"time"

	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// cacheMargin is added to the MinTTL of a request, so that the answer stays good for
// some time in the cache.
const cacheMargin = protocol.CacheMinTTL - protocol.DefaultMinTTL

// tokenKey names a token: that of an org, for an API.
type tokenKey struct{ org, api string }

// token is the cached token of an org, with the requests for another one. Client.mu
// guards it.
type token struct {
	cred     protocol.Credential
	received time.Time
	rejected secret.Text // the token that the org rejected, until an answer replaces it
	drops    []time.Time // when a rejected token was dropped, for the last minute
	requests map[time.Duration]*request
}

// maxDrops is how many rejected tokens are replaced within a minute. A user or a resource
// that is refused whatever the token is would otherwise cause a refresh for each request.
const maxDrops = 3

// request is one request to the source, and the callers that wait for it.
type request struct {
	of      *token
	minTTL  time.Duration
	waiting int
	cancel  context.CancelFunc
	done    chan struct{} // closed after cred and err are set
	cred    protocol.Credential
	err     error
}

// isGood reports whether the cached token lives for minTTL. If it was shorter when it
// came, the session is shorter, and half of that is enough.
func (t *token) isGood(minTTL time.Duration, now time.Time) bool {
	if t.cred.AccessToken.Empty() {
		return false
	}
	margin := minTTL
	if lifetime := t.cred.ExpiresAt.Sub(t.received); lifetime < minTTL {
		margin = lifetime / 2
	}
	return now.Before(t.cred.ExpiresAt.Add(-margin))
}

// reject drops a token that the org rejected. If another one is cached already, or is being
// got, the caller is merely late. Answers to earlier requests are not cached: they may
// hold the rejected token. After maxDrops within a minute the token stays.
func (t *token) reject(rejected secret.Text) {
	isOld := !t.cred.AccessToken.Empty() && !t.cred.AccessToken.Equal(rejected)
	if isOld || !t.rejected.Empty() {
		return
	}
	now := time.Now()
	t.drops = slices.DeleteFunc(t.drops, func(at time.Time) bool { return now.Sub(at) >= time.Minute })
	if len(t.drops) == maxDrops && !t.cred.AccessToken.Empty() {
		return
	}
	t.drops = append(t.drops, now)
	t.cred, t.rejected = protocol.Credential{}, rejected
	clear(t.requests)
}

// start begins a request. It belongs to no caller: it ends if all of them have left. The
// caller holds c.mu.
func (c *Client) start(ctx context.Context, t *token, req protocol.GetRequest) *request {
	ctx, stop := context.WithTimeoutCause(context.WithoutCancel(ctx), c.timeout, errTimeout)
	r := &request{of: t, minTTL: req.MinTTL, cancel: stop, done: make(chan struct{})}
	t.requests[req.MinTTL] = r
	req.RejectedToken = t.rejected
	req.MinTTL += cacheMargin
	if req.Check() != nil {
		req.MinTTL = r.minTTL // the margin exceeds the limit of a request
	}
	go func() {
		defer stop()
		cred, err := c.source.Get(ctx, req)
		if err != nil && context.Cause(ctx) == errTimeout {
			err = timeoutError(req.Org, c.timeout)
		}
		c.finish(r, cred, err)
	}()
	return r
}

// finish hands the answer to the callers, and caches it unless the org rejected a token
// meanwhile.
func (c *Client) finish(r *request, cred protocol.Credential, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.of.requests[r.minTTL] == r {
		delete(r.of.requests, r.minTTL)
		if err == nil {
			r.of.cred, r.of.received, r.of.rejected = cred, time.Now(), secret.Text{}
		}
	}
	r.cred, r.err = cred, err
	close(r.done)
}

// leave ends a request that nobody waits for anymore.
func (c *Client) leave(r *request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.waiting--
	if r.waiting > 0 {
		return
	}
	if r.of.requests[r.minTTL] == r {
		delete(r.of.requests, r.minTTL)
	}
	r.cancel()
}

func timeoutError(org string, limit time.Duration) *protocol.Error {
	e := protocol.Errorf(protocol.TemporarilyUnavailable, "get the access token of %q: forcecred did not answer within %v", org, limit)
	e.Org, e.Retryable, e.Cause = org, true, context.DeadlineExceeded
	return e
}
