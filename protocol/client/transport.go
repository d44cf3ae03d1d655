package client

import (
	"io"
	"net/http"

	"forcecred/internal/origin"
	"forcecred/protocol"
)

// HTTPClient returns an HTTP client whose requests to the org have its access token: see
// [Client.Transport]. It has no time limit of its own.
func (c *Client) HTTPClient(org string, options ...RequestOption) *http.Client {
	return &http.Client{Transport: c.Transport(org, nil, options...)}
}

// Transport returns a RoundTripper that adds the org's access token to each request to
// the host, port and https scheme of the org's instance_url, or of the tenant's with
// [For]. Other requests, such as those after a redirect, are sent unchanged.
//
// After a 401, it gets another token and sends the request once more. A request with a body
// needs its GetBody for that, which http.NewRequest sets for bytes and strings. Without
// it, the 401 is returned, and the next request has another token. A token is replaced three
// times a minute at most: then the 401 is returned as well.
//
// The base sends the requests; nil is [http.DefaultTransport].
func (c *Client) Transport(org string, base http.RoundTripper, options ...RequestOption) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{client: c, org: org, base: base, options: options}
}

type transport struct {
	client  *Client
	org     string
	base    http.RoundTripper
	options []RequestOption
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	cred, err := t.get(req)
	if err != nil {
		closeBody(req)
		return nil, err
	}
	if !isAtInstance(req, cred) {
		return t.base.RoundTrip(req)
	}
	resp, err := t.base.RoundTrip(authorized(req, cred))
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	return t.retry(req, cred, resp)
}

// retry sends the request once more, with another token than the rejected one. If there
// is none, or the body is used up, it returns the rejection.
func (t *transport) retry(req *http.Request, rejected protocol.Credential, rejection *http.Response) (*http.Response, error) {
	again, err := rewound(req)
	if err != nil || again == nil {
		t.client.Reject(t.org, rejected.AccessToken.Reveal(), t.options...)
		return rejection, nil
	}
	cred, err := t.get(again, Rejected(rejected.AccessToken.Reveal()))
	if err != nil {
		closeBody(again)
		discard(rejection)
		return nil, err
	}
	if cred.AccessToken.Equal(rejected.AccessToken) || !isAtInstance(again, cred) {
		closeBody(again)
		return rejection, nil
	}
	discard(rejection)
	return t.base.RoundTrip(authorized(again, cred))
}

func (t *transport) get(req *http.Request, more ...RequestOption) (protocol.Credential, error) {
	options := append(t.options[:len(t.options):len(t.options)], more...)
	return t.client.Get(req.Context(), t.org, options...)
}

// isAtInstance reports whether a request goes to where the token is for.
func isAtInstance(req *http.Request, cred protocol.Credential) bool {
	instance, err := origin.Parse(cred.InstanceURL)
	if err != nil {
		return false
	}
	target, err := origin.Parse(req.URL.String())
	return err == nil && target == instance
}

// authorized returns the request with the token. A RoundTripper may not change the
// request itself, and a redirect must not copy the header.
func authorized(req *http.Request, cred protocol.Credential) *http.Request {
	r := req.Clone(req.Context())
	r.Header.Set("Authorization", "Bearer "+cred.AccessToken.Reveal())
	return r
}

// rewound returns the request with its body from the start, or nil if the body can't be
// had again.
func rewound(req *http.Request) (*http.Request, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, nil
	}
	if req.GetBody == nil {
		return nil, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	r := req.Clone(req.Context())
	r.Body = body
	return r, nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// maxDiscarded is what is read of a rejection, so that the connection can be used again.
const maxDiscarded = 64 << 10

func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, maxDiscarded) // best effort: else the connection is closed
	_ = resp.Body.Close()
}
