// Package orgtest has a stand-in for a Salesforce org: a TLS server with rotation, reuse detection and faults on demand.
//
// It answers as Salesforce does, with the parts that surprise clients: no expires_in, and
// milliseconds as text. If a client sends a used refresh token, all tokens of the login are
// revoked. [Org.Problems] lists the requests that no correct client sends.
package orgtest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Org is a stand-in for a Salesforce org with one user and one app. It is safe for
// concurrent use.
type Org struct {
	URL string // https://127.0.0.1:PORT, without the site

	cfg     Config
	ca      []byte // PEM
	server  *http.Server
	closed  chan struct{}
	running sync.WaitGroup

	mu        sync.Mutex
	stopped   bool
	grants    []*Grant
	refresh   map[string]*Grant // by each issued refresh token
	access    map[string]*session
	busy      map[string]bool // refresh tokens that are being processed
	idTokens  []string
	tenant    []*tenantToken
	codes     map[string]*code
	asserted  []Assertion
	presented []string // assertions, which are secret while they are valid
	commits   int
	open      int // connections and requests
	faults    []queued
	counts    map[Endpoint]int
	requests  []Request
	problems  []string
}

// Start starts an org on a free port of 127.0.0.1. The user has logged in once. The caller
// closes the org.
func Start(cfg Config) (*Org, error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("start a stand-in org: %w", err)
	}
	ca, leaf, err := newCertificate(cfg.Certificate, cfg.Hosts)
	if err != nil {
		return nil, fmt.Errorf("start a stand-in org: make its certificate: %w", err)
	}
	if cfg.JWT || cfg.openID() || cfg.DataCloud {
		if _, err := signingKey(); err != nil {
			return nil, fmt.Errorf("start a stand-in org: make its signing key: %w", err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a stand-in org: %w", err)
	}
	o := &Org{
		URL:     "https://" + listener.Addr().String(),
		cfg:     cfg,
		ca:      ca,
		closed:  make(chan struct{}),
		refresh: map[string]*Grant{},
		access:  map[string]*session{},
		busy:    map[string]bool{},
		codes:   map[string]*code{},
		counts:  map[Endpoint]int{},
	}
	if o.cfg.InstanceURL == "" {
		o.cfg.InstanceURL = o.URL
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(!cfg.HTTP1)
	o.server = &http.Server{
		Handler:           http.HandlerFunc(o.serve),
		Protocols:         &protocols,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{leaf}},
		ReadHeaderTimeout: time.Minute,
		ConnContext:       withConn,
		ConnState:         o.countConn,
		// Some tests make handshakes fail; the client reports them.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	o.NewGrant()
	o.running.Go(func() {
		// It ends when Close closes the server, with an error that says so.
		_ = o.server.ServeTLS(listener, "", "")
	})
	return o, nil
}

// Close drops all connections, and waits until no request is being processed.
func (o *Org) Close() {
	o.mu.Lock()
	first := !o.stopped
	o.stopped = true
	o.mu.Unlock()
	if first {
		close(o.closed)
		_ = o.server.Close() // best effort
	}
	o.running.Wait()
}

// CAPEM returns the root certificate of the org's own, as PEM.
func (o *Org) CAPEM() []byte { return slices.Clone(o.ca) }

// TLSCertificate returns the org's certificate with its key, for a test's server with the
// same root.
func (o *Org) TLSCertificate() tls.Certificate { return o.server.TLSConfig.Certificates[0] }

// ClientID returns the client id of the app.
func (o *Org) ClientID() string { return o.cfg.ClientID }

// ClientSecret returns the client secret of the app, or "" if its clients are public.
func (o *Org) ClientSecret() string { return o.cfg.ClientSecret }

// String shows the org's URL, but no secret.
func (o *Org) String() string { return "stand-in org at " + o.URL + o.cfg.Site }

// GoString is String: %#v must not print the secrets either.
func (o *Org) GoString() string { return o.String() }

// Secrets returns all secrets of the org: the client secret, each issued refresh, access, ID
// and Data Cloud token, each code, and each assertion that it has received.
func (o *Org) Secrets() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var secrets []string
	if o.cfg.ClientSecret != "" {
		secrets = append(secrets, o.cfg.ClientSecret)
	}
	for _, g := range o.grants {
		secrets = append(secrets, g.refresh...)
		for _, s := range g.sessions {
			secrets = append(secrets, s.token)
		}
	}
	for _, t := range o.tenant {
		secrets = append(secrets, t.token)
	}
	secrets = slices.AppendSeq(secrets, maps.Keys(o.codes))
	return slices.Concat(secrets, o.idTokens, o.presented)
}

// now is the org's clock.
func (o *Org) now() time.Time { return o.cfg.Now().Add(o.cfg.ClockOffset) }

// pause waits. It returns early, with false, if the org is closed. It continues if the
// client disconnects, as a real server does.
func (o *Org) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-o.closed:
		return false
	}
}

// identityURL returns the id member of an answer, at a host where the org's tokens may go.
func (o *Org) identityURL() string {
	return strings.TrimSuffix(o.cfg.InstanceURL, "/") + "/id/" + o.cfg.OrgID + "/" + o.cfg.UserID
}

// instanceURL returns the instance_url member of an answer.
func (o *Org) instanceURL() string {
	if o.cfg.TrailingSlash {
		return strings.TrimSuffix(o.cfg.InstanceURL, "/") + "/"
	}
	return o.cfg.InstanceURL
}

// random returns n random bytes as hex.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

type connKey struct{}

// withConn adds the connection to the context, for faults below HTTP.
func withConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}
