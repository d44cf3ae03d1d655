// Package client gets access tokens from forcecred for programs in Go.
//
// A [Client] runs the forcecred binary, caches its answers in memory, and asks again before
// a token expires or after the org rejected it.
//
//	c := client.New()
//	cred, err := c.Get(ctx, "prod")
//	resp, err := c.HTTPClient("prod").Get(cred.InstanceURL + "/services/data/")
package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// DefaultTimeout is the time limit of one request to forcecred. It is longer than
// forcecred itself waits for Salesforce, and for a refresh of another process.
const DefaultTimeout = 3 * time.Minute

// Source answers requests for tokens. The *plugin.Client of forcecred/protocol/plugin is
// one.
type Source interface {
	Get(context.Context, protocol.GetRequest) (protocol.Credential, error)
}

// Client gets access tokens. It is safe for concurrent use: calls that need the same new
// token share one request, and no call waits for another org.
type Client struct {
	source  Source
	timeout time.Duration
	mu      sync.Mutex
	tokens  map[tokenKey]*token
}

// New returns a Client that runs forcecred on PATH, unless an option says otherwise.
func New(options ...Option) *Client {
	s := settings{path: "forcecred", timeout: DefaultTimeout, notice: logNotice}
	for _, set := range options {
		set(&s)
	}
	c := &Client{source: s.source, timeout: s.timeout, tokens: map[tokenKey]*token{}}
	if c.source == nil {
		c.source = binary{path: s.path, env: s.env, notice: s.notice}
	}
	return c
}

// Get returns an access token of an org; the org "" is the keystore's default org. The
// token is good for a minute or more, or for as long as [MinTTL] says. If the org's
// sessions are shorter than that, it is good for at least half a session.
//
// The error is the [*protocol.Error] of forcecred, with its code and hint, or wraps the
// error of ctx. A call whose ctx ends returns at once. A refresh that it caused is
// finished by forcecred, and the next call finds the token.
func (c *Client) Get(ctx context.Context, org string, options ...RequestOption) (protocol.Credential, error) {
	req := protocol.GetRequest{Org: org, MinTTL: protocol.DefaultMinTTL}
	for _, set := range options {
		set(&req)
	}
	if err := req.Check(); err != nil {
		return protocol.Credential{}, protocol.Errorf(protocol.BadRequest, "get a token: %v", err)
	}
	if err := ctx.Err(); err != nil {
		return protocol.Credential{}, interrupted(org, context.Cause(ctx))
	}
	cred, running := c.find(ctx, req)
	if running == nil {
		return cred, nil
	}
	select {
	case <-running.done:
		return running.cred, running.err
	case <-ctx.Done():
		c.leave(running)
		return protocol.Credential{}, interrupted(org, context.Cause(ctx))
	}
}

// Reject says that the org has rejected a token with 401. The next Get for the org gets
// another one. Use it where a request can't be retried; [Client.Transport] does.
func (c *Client) Reject(org, accessToken string, options ...RequestOption) {
	req := protocol.GetRequest{Org: org}
	for _, set := range options {
		set(&req)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokenOf(req).reject(secret.New(accessToken))
}

// find returns the cached token, or the request that gets another one and that the caller
// now waits for.
func (c *Client) find(ctx context.Context, req protocol.GetRequest) (protocol.Credential, *request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tokenOf(req)
	if !req.RejectedToken.Empty() {
		t.reject(req.RejectedToken)
	}
	if t.isGood(req.MinTTL, time.Now()) {
		return t.cred, nil
	}
	r := t.requests[req.MinTTL]
	if r == nil {
		r = c.start(ctx, t, req)
	}
	r.waiting++
	return protocol.Credential{}, r
}

// tokenOf returns the entry of the token that req asks for. The caller holds c.mu.
func (c *Client) tokenOf(req protocol.GetRequest) *token {
	key := tokenKey{req.Org, req.For}
	if c.tokens[key] == nil {
		c.tokens[key] = &token{requests: map[time.Duration]*request{}}
	}
	return c.tokens[key]
}

func interrupted(org string, cause error) error {
	return fmt.Errorf("get the access token of %q: %w", org, cause)
}

// errTimeout is the cause of a request's end after Client.timeout.
var errTimeout = errors.New("forcecred did not answer in time")
