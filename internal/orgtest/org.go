// Package orgtest stands in for a Salesforce org: a TLS server with rotation, reuse detection, faults on demand.
//
// It answers as Salesforce answers, including what surprises clients: no
// expires_in, milliseconds as text, one family of tokens per login that dies as
// a whole when a rotated-out refresh token is spent. What a correct client would
// not ask is answered as far as Salesforce would, but noted: see [Org.Problems].
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

// Org is a stand-in for one Salesforce org with one user, who uses one app. It
// is safe for concurrent use.
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
	refresh   map[string]*Grant // by each refresh token that was ever issued
	access    map[string]*session
	busy      map[string]bool // refresh tokens that are being processed
	idTokens  []string
	tenant    []*tenantToken
	codes     map[string]*code
	asserted  []Assertion
	presented []string // assertions, which are secrets as long as they are good
	commits   int
	faults    []queued
	counts    map[Endpoint]int
	requests  []Request
	problems  []string
}

// Start starts an org on a free port of 127.0.0.1, where the user has logged in
// once. The caller closes it.
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
		// Failed handshakes are what some tests want; the client's side tells of them.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	o.NewGrant()
	o.running.Go(func() {
		// It ends when Close closes the server, with an error that says just that.
		_ = o.server.ServeTLS(listener, "", "")
	})
	return o, nil
}

// Close drops all connections, then waits until no request is in work.
func (o *Org) Close() {
	o.mu.Lock()
	first := !o.stopped
	o.stopped = true
	o.mu.Unlock()
	if first {
		close(o.closed)
		_ = o.server.Close() // a listener that can't be closed leaves nothing to do
	}
	o.running.Wait()
}

// CAPEM returns the root certificate that signed the org's own, as PEM.
func (o *Org) CAPEM() []byte { return slices.Clone(o.ca) }

// TLSCertificate returns the org's own certificate with its key, for a test's server
// that is to be trusted like the org.
func (o *Org) TLSCertificate() tls.Certificate { return o.server.TLSConfig.Certificates[0] }

// ClientID returns the client id of the app.
func (o *Org) ClientID() string { return o.cfg.ClientID }

// ClientSecret returns the client secret of the app, "" when its clients are public.
func (o *Org) ClientSecret() string { return o.cfg.ClientSecret }

// String names the org, but none of its secrets.
func (o *Org) String() string { return "stand-in org at " + o.URL + o.cfg.Site }

// GoString is String: %#v must not print the secrets either.
func (o *Org) GoString() string { return o.String() }

// Secrets returns all that must never be seen where it does not belong: the
// client secret with each refresh, access, ID or Data Cloud token and each code
// issued, and each assertion shown so far.
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

// pause waits. It returns early, with false, when the org is closed. It does not
// end when the client goes away: neither does the work of a real server.
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

// identityURL is the id of an answer.
func (o *Org) identityURL() string {
	return o.URL + "/id/" + o.cfg.OrgID + "/" + o.cfg.UserID
}

// instanceURL is the instance_url of an answer.
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

// withConn keeps the connection at hand for faults that strike below HTTP.
func withConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}
