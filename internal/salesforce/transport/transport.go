// Package transport sends an HTTPS request at most once, and reports how far it came.
package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Timeout bounds one request with its answer.
const Timeout = 30 * time.Second

const (
	connectTimeout = 10 * time.Second // for the connection, and again for TLS
	maxHeaderBytes = 64 << 10
	maxBodyBytes   = 256 << 10 // decoded: a token answer has a few KiB

	// maxScannedBytes bounds what is read of an answer that is too large, decoded: the new
	// refresh token may be behind the limit, and the old one is dead.
	maxScannedBytes = 32 << 20

	// A request that follows a token request at once reuses its connection, which
	// saves a handshake. Later requests are rare.
	idleTimeout = 5 * time.Second
)

// Config says how to reach a host.
type Config struct {
	ExtraRoots []byte // PEM of certificates to trust besides the system's, or nil
	UserAgent  string
	Proxy      Proxy

	// Bundle is PEM of certificates that the system trusts, or nil. They are tried
	// first, because reading everything that the system trusts takes longer.
	Bundle []byte
}

// Client sends requests. It is safe for concurrent use.
//
// No request outlives its call or its process: when a method returns an error, the
// system has discarded the unsent part of the request. docs/decisions/0020 has the
// reasons.
type Client struct {
	connector connector
	idle      idleConns
	userAgent string
	after     func(time.Duration) <-chan time.Time // the clock, which tests replace
}

// New returns a client that speaks TLS 1.2 or newer. It follows no redirect, because
// that would send secrets to a host that nobody stored.
func New(cfg Config) (*Client, error) {
	connector, err := newConnector(cfg)
	if err != nil {
		return nil, err
	}
	return &Client{connector: connector, userAgent: cfg.UserAgent, after: time.After}, nil
}

// newHTTPTransport returns a transport that trusts roots; nil means the system's.
func newHTTPTransport(cfg Config, roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  cfg.Proxy.choose(),
		ProxyConnectHeader:     http.Header{"User-Agent": {cfg.UserAgent}},
		OnProxyConnectResponse: checkConnectResponse,
		DialContext:            dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    connectTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		ForceAttemptHTTP2:      true,
	}
}

// Response is a whole answer within its limits. With an error it has the part of the
// answer that was read.
type Response struct {
	Status int // 0 if no header was read
	Header http.Header
	Body   []byte
}

// Send sends req once or not at all. It may use the connection of an earlier request.
func (c *Client) Send(ctx context.Context, req *http.Request) (Response, *Error) {
	return c.send(ctx, req, c.idle.take(req.URL), nil)
}

// SendOnNewConnection is Send without an earlier request's connection. The host may
// be closing that connection: then it is unknown whether the host read the request.
//
// It also writes the answer's body to scanner, even one that is too large for a [Response],
// until scanner returns an error because it needs no more.
func (c *Client) SendOnNewConnection(ctx context.Context, req *http.Request, scanner io.Writer) (Response, *Error) {
	return c.send(ctx, req, nil, scanner)
}

// send sends req on conn or, if that is nil, on a new connection. scanner may be nil.
func (c *Client) send(ctx context.Context, req *http.Request, conn *conn, scanner io.Writer) (Response, *Error) {
	ctx, stop := withTimeout(ctx, c.after)
	defer stop()
	ctx, t := withTrace(ctx, req.URL)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.userAgent)

	if conn == nil {
		var err error
		if conn, err = c.connector.connect(ctx); err != nil {
			return Response{}, t.classify(err)
		}
	}
	t.reach(Sent)
	resp, err := conn.roundTrip(req.WithContext(ctx), scanner)
	if err != nil {
		return resp, t.classify(err)
	}
	c.idle.put(req.URL, conn)
	return resp, nil
}

// ErrTooLarge reports an answer that is over the limit.
var ErrTooLarge = fmt.Errorf("the answer is larger than %d KiB", maxBodyBytes>>10)

// readBody returns the part within the limit that it could read, also with an error.
// scanner gets that part and, of a body that is too large, what follows. It may be nil.
func readBody(r io.Reader, scanner io.Writer) ([]byte, error) {
	var body bytes.Buffer
	n, err := io.Copy(&body, io.LimitReader(r, maxBodyBytes+1))
	isTooLarge := err == nil && n > maxBodyBytes
	if isTooLarge {
		err = ErrTooLarge
	}
	if scanner != nil {
		_, wrong := scanner.Write(body.Bytes())
		if isTooLarge && wrong == nil {
			_, _ = io.Copy(scanner, io.LimitReader(r, maxScannedBytes)) // the body is refused in any case
		}
	}
	return body.Bytes(), err
}
