package salesforce

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"forcecred/protocol/secret"
)

const (
	connectTimeout = 10 * time.Second // dial, and again TLS
	maxHeaderBytes = 64 << 10
	maxBodyBytes   = 256 << 10 // decoded: a token answer is a few KiB

	// An introspection follows its refresh on the same connection, which saves
	// it a handshake. No other request is expected that soon.
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
//
// No request outlives its call, nor the process: when a method returns an
// error, the system has discarded what it had not sent of the request.
type Client struct {
	connector connector
	idle      idleConns
	userAgent string
}

// NewClient returns a client that talks TLS 1.2 or newer. It follows no redirect,
// which would carry the secrets to a host that nobody stored.
func NewClient(cfg Config) (*Client, error) {
	connector, err := newConnector(cfg)
	if err != nil {
		return nil, err
	}
	return &Client{connector: connector, userAgent: cfg.UserAgent}, nil
}

// newTransport returns a transport that trusts roots, where nil means the system's.
func newTransport(cfg Config, roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  cfg.Proxy.choose(),
		ProxyConnectHeader:     http.Header{"User-Agent": {cfg.UserAgent}},
		OnProxyConnectResponse: proxyAnswered,
		DialContext:            dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    connectTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		ForceAttemptHTTP2:      true,
	}
}

// response is an answer, read whole and within its limits.
type response struct {
	status int
	header http.Header
	body   []byte
}

// requestToken sends form to the token endpoint, once or not at all. When it fails,
// the error's Reason tells whether the request may have reached the server, and the
// response has what came of an answer.
//
// The connection is a new one. The host may be closing an older one, and would
// leave open whether it has read the request.
func (c *Client) requestToken(ctx context.Context, host Host, form url.Values) (response, *Error) {
	req, fail := newPost(host.Endpoint("token"), form)
	if fail != nil {
		return response{}, fail
	}
	return c.send(ctx, req, nil)
}

// post sends form to endpoint, with the errors of requestToken.
func (c *Client) post(ctx context.Context, endpoint string, form url.Values) (response, *Error) {
	return c.postAs(ctx, endpoint, form, secret.Text{})
}

// postAs is post with an access token or, where that is empty, without one.
func (c *Client) postAs(ctx context.Context, endpoint string, form url.Values, accessToken secret.Text) (response, *Error) {
	req, fail := newPost(endpoint, form)
	if fail != nil {
		return response{}, fail
	}
	authorize(req, accessToken)
	return c.send(ctx, req, c.idle.take(req.URL))
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

// get asks for what is at endpoint, with an access token or, where that is empty,
// without any secret.
func (c *Client) get(ctx context.Context, endpoint string, accessToken secret.Text) (response, *Error) {
	req, err := http.NewRequest(http.MethodGet, endpoint, nil)
	if err != nil {
		return response{}, errEndpoint()
	}
	authorize(req, accessToken)
	return c.send(ctx, req, c.idle.take(req.URL))
}

func errEndpoint() *Error {
	return &Error{Reason: Unreachable, Err: errors.New("the endpoint's URL is malformed")}
}

// send sends req on conn or, if that is nil, on a new connection, and reads the
// answer, with the errors of requestToken.
func (c *Client) send(ctx context.Context, req *http.Request, conn *conn) (response, *Error) {
	ctx, cancel := context.WithTimeout(ctx, ExchangeTimeout)
	defer cancel()
	ctx, t := withTrip(ctx, req.URL)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.userAgent)

	if conn == nil {
		var err error
		if conn, err = c.connector.connect(ctx); err != nil {
			return response{}, networkError(err, t)
		}
	}
	t.reach(sent)
	resp, err := conn.roundTrip(req.WithContext(ctx))
	if err != nil {
		e := networkError(err, t)
		e.Status = resp.status
		return resp, e
	}
	c.idle.put(req.URL, conn)
	return resp, nil
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
