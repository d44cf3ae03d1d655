package salesforce

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"forcecred/internal/salesforce/transport"
	"forcecred/protocol/secret"
)

// ExchangeTimeout bounds one request with its answer.
const ExchangeTimeout = transport.Timeout

// Client sends requests to OAuth endpoints. It is safe for concurrent use. No request
// outlives its call, nor the process.
type Client struct{ transport *transport.Client }

// NewClient returns a client that reaches Salesforce as cfg says.
func NewClient(cfg transport.Config) (*Client, error) {
	t, err := transport.New(cfg)
	if err != nil {
		return nil, err
	}
	return &Client{t}, nil
}

// requestToken sends form to the token endpoint, once or not at all. If it fails, the
// error's Reason says whether the request may have reached the server, and the response
// has the part of the answer that was read. recovered is the refresh token of an answer of
// success, also of one that is not whole or too large.
func (c *Client) requestToken(ctx context.Context, host Host, form url.Values) (resp transport.Response, recovered secret.Text, fail *Error) {
	req, fail := newPost(host.Endpoint("token"), form)
	if fail != nil {
		return transport.Response{}, secret.Text{}, fail
	}
	var scanner refreshTokenScanner
	resp, fail = withStatus(c.transport.SendOnNewConnection(ctx, req, &scanner))
	return resp, scanner.recovered(resp.Status), fail
}

// post sends form to endpoint, with the errors of requestToken.
func (c *Client) post(ctx context.Context, endpoint string, form url.Values) (transport.Response, *Error) {
	return c.postAs(ctx, endpoint, form, secret.Text{})
}

// postAs is post with an access token or, if that is empty, without one.
func (c *Client) postAs(ctx context.Context, endpoint string, form url.Values, accessToken secret.Text) (transport.Response, *Error) {
	req, fail := newPost(endpoint, form)
	if fail != nil {
		return transport.Response{}, fail
	}
	authorize(req, accessToken)
	return withStatus(c.transport.Send(ctx, req))
}

func newPost(endpoint string, form url.Values) (*http.Request, *Error) {
	req, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errEndpoint()
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req, nil
}

// authorize adds an access token, unless it is empty.
func authorize(req *http.Request, accessToken secret.Text) {
	if !accessToken.Empty() {
		req.Header.Set("Authorization", "Bearer "+accessToken.Reveal())
	}
}

// get reads endpoint with an access token or, if that is empty, without any secret.
func (c *Client) get(ctx context.Context, endpoint string, accessToken secret.Text) (transport.Response, *Error) {
	req, err := http.NewRequest(http.MethodGet, endpoint, nil)
	if err != nil {
		return transport.Response{}, errEndpoint()
	}
	authorize(req, accessToken)
	return withStatus(c.transport.Send(ctx, req))
}

func errEndpoint() *Error {
	return &Error{Reason: Unreachable, Err: errors.New("the endpoint's URL is malformed")}
}

// withStatus returns a failure of the transport as an error of this package.
func withStatus(resp transport.Response, err *transport.Error) (transport.Response, *Error) {
	if err == nil {
		return resp, nil
	}
	return resp, &Error{Reason: Reason(err.Reason), Status: resp.Status, Err: err.Err, Remedy: err.Remedy}
}
