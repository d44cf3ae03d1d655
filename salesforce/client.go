package salesforce

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"forcecred/keystore/secret"
)

const (
	connectTimeout = 10 * time.Second // dial, and again TLS
	maxHeaderBytes = 64 << 10
	maxBodyBytes   = 256 << 10 // decoded: a token answer is a few KiB

	// An introspection follows its refresh on the same connection, which saves
	// it a handshake; the connection ends with the process. In a process that
	// lives on it does not wait for the next refresh: a token sent on it while
	// the server closes it would be lost, and nobody would know whether it was spent.
	idleTimeout = 5 * time.Second
)

// ExchangeTimeout bounds one request with its answer.
const ExchangeTimeout = 30 * time.Second

// Config says how to reach Salesforce.
type Config struct {
	ExtraRoots []byte // PEM of certificates to trust besides the system's, or nil
	UserAgent  string
	Proxy      Proxy

	// Bundle is PEM of certificates that the system trusts, or nil. They are tried
	// before the system is asked for all that it trusts, which takes longer.
	Bundle []byte
}

// Client sends requests to OAuth endpoints. It is safe for concurrent use.
type Client struct {
	http      *http.Client
	userAgent string
}

// NewClient returns a client that talks TLS 1.2 or newer and follows no redirect.
func NewClient(cfg Config) (*Client, error) {
	transport, err := newRoundTripper(cfg)
	if err != nil {
		return nil, err
	}
	return &Client{
		userAgent: cfg.UserAgent,
		http: &http.Client{
			Transport: transport,
			// A redirect would carry the body, with all its secrets, to a host
			// that nobody stored.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// newTransport returns a transport that trusts roots, where nil means the system's.
func newTransport(cfg Config, roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  cfg.Proxy.choose(),
		ProxyConnectHeader:     http.Header{"User-Agent": {cfg.UserAgent}},
		OnProxyConnectResponse: proxyAnswered,
		DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    connectTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		ForceAttemptHTTP2:      true,
		IdleConnTimeout:        idleTimeout,
	}
}

// response is an answer, read whole and within its limits.
type response struct {
	status int
	header http.Header
	body   []byte
}

// post sends form to endpoint, once or not at all. When it fails, the error's
// Reason tells whether the request may have reached the server, and the response
// has what came of an answer.
func (c *Client) post(ctx context.Context, endpoint string, form url.Values) (response, *Error) {
	return c.postAs(ctx, endpoint, form, secret.Text{})
}

// postAs is post with an access token or, where that is empty, without one.
func (c *Client) postAs(ctx context.Context, endpoint string, form url.Values, accessToken secret.Text) (response, *Error) {
	req, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return response{}, errEndpoint()
	}
	// Without it the transport can't send the body again by itself. Over HTTP/2
	// it would, up to six times, after certain errors that a server may send for
	// a request that it has processed.
	req.GetBody = nil
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	authorize(req, accessToken)
	return c.send(ctx, req)
}

// authorize adds an access token, unless it is empty.
func authorize(req *http.Request, accessToken secret.Text) {
	if !accessToken.Empty() {
		req.Header.Set("Authorization", "Bearer "+accessToken.Reveal())
	}
}

// get asks for what is at endpoint, with an access token or, where that is empty,
// without any secret.
func (c *Client) get(ctx context.Context, endpoint string, accessToken secret.Text) (response, *Error) {
	req, err := http.NewRequest(http.MethodGet, endpoint, nil)
	if err != nil {
		return response{}, errEndpoint()
	}
	authorize(req, accessToken)
	return c.send(ctx, req)
}

func errEndpoint() *Error {
	return &Error{Reason: Unreachable, Err: errors.New("the endpoint's URL is malformed")}
}

// send sends req and reads the answer, with the errors of post.
func (c *Client) send(ctx context.Context, req *http.Request) (response, *Error) {
	ctx, cancel := context.WithTimeout(ctx, ExchangeTimeout)
	defer cancel()
	ctx, t := withTrip(ctx)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.userAgent)

	resp, err := c.http.Do(req.WithContext(ctx))
	if err != nil {
		return response{}, networkError(err, t)
	}
	defer resp.Body.Close() // what matters of the body was read
	body, err := readBody(resp.Body)
	r := response{resp.StatusCode, resp.Header, body}
	if err != nil {
		e := networkError(err, t)
		e.Status = resp.StatusCode
		return r, e
	}
	return r, nil
}

var errTooLarge = fmt.Errorf("the answer is larger than %d KiB", maxBodyBytes>>10)

// readBody returns what it could read, also with an error.
func readBody(r io.Reader) ([]byte, error) {
	var body bytes.Buffer
	n, err := io.Copy(&body, io.LimitReader(r, maxBodyBytes+1))
	if err == nil && n > maxBodyBytes {
		err = errTooLarge
	}
	return body.Bytes(), err
}
