// Package loopback receives the redirect that ends a login in the browser.
//
// It implements the loopback redirect of RFC 8252, section 7.3, for servers that compare
// the redirect URI literally, including the port. It does not use the code.
package loopback

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"forcecred/protocol/secret"

	"golang.org/x/net/netutil"
)

// Path is the path of the redirect URI. It is the Salesforce CLI's, so that apps for
// the CLI work without a change.
const Path = "/OauthRedirect"

const (
	headerTimeout = 10 * time.Second
	maxHeader     = 32 << 10
	pageTimeout   = 3 * time.Second // for the browser to fetch the last page

	// maxConnections bounds the open connections of one address. A browser needs a few.
	// Other users of the machine can connect as well, and each connection takes a
	// descriptor, which the exchange of the code needs.
	maxConnections = 32
)

// ErrStateMismatch reports that redirects arrived, but only with the state of another
// login.
var ErrStateMismatch = errors.New("only redirects of another login arrived")

// Redirect is the query of the redirect: a code or an error.
type Redirect struct {
	Code             secret.Text
	Error            string // neither sanitized nor shortened, like ErrorDescription
	ErrorDescription string
}

// Receiver listens for one redirect on this machine's own addresses.
type Receiver struct {
	port      int
	server    *http.Server
	listeners []net.Listener
	running   sync.WaitGroup

	mu       sync.Mutex
	state    string // "" after its redirect arrived
	mismatch bool   // a redirect with another state arrived
	redirect chan Redirect
	pagePath string        // of the last page
	page     Page          // set before ready is closed
	ready    chan struct{} // closed when page is set
	shown    chan struct{} // closed when the browser has fetched the page
	fetch    sync.Once
}

// Listen listens at http://localhost:port: on 127.0.0.1 and, if this machine has IPv6,
// on ::1, because browsers use either for localhost. Port 0 chooses a free port. The
// caller closes the Receiver.
func Listen(port int) (*Receiver, error) {
	r := &Receiver{redirect: make(chan Redirect, 1), ready: make(chan struct{}), shown: make(chan struct{})}
	addresses := []string{"127.0.0.1"}
	if hasIPv6() {
		// Another program that listens there could receive the code.
		addresses = append(addresses, "::1")
	}
	for _, address := range addresses {
		l, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
		if err != nil {
			for _, open := range r.listeners {
				_ = open.Close() // it has no connections yet
			}
			return nil, err
		}
		port = l.Addr().(*net.TCPAddr).Port
		r.listeners = append(r.listeners, netutil.LimitListener(l, maxConnections))
	}
	r.port = port
	r.server = &http.Server{
		Handler:           http.HandlerFunc(r.serve),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(io.Discard, "", 0), // the log would quote requests
	}
	return r, nil
}

// hasIPv6 reports whether this machine has the address ::1.
func hasIPv6() bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && network.IP.Equal(net.IPv6loopback) {
			return true
		}
	}
	return false
}

// URI returns the redirect URI, which must be one of the app's callback URLs.
func (r *Receiver) URI() string { return fmt.Sprintf("http://localhost:%d%s", r.port, Path) }

// Wait returns the redirect with the given state. It rejects all others and continues,
// because any web page can send the browser here. If ctx ends first, it returns the
// context's error, with [ErrStateMismatch] if others arrived. It may be called once.
func (r *Receiver) Wait(ctx context.Context, state string) (Redirect, error) {
	r.mu.Lock()
	r.state, r.pagePath = state, "/"+rand.Text()
	r.mu.Unlock()
	for _, l := range r.listeners {
		// Serve returns after Close, with an error that says so.
		r.running.Go(func() { _ = r.server.Serve(l) })
	}
	select {
	case redirect := <-r.redirect:
		return redirect, nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mismatch {
		return Redirect{}, fmt.Errorf("%w: %w", ErrStateMismatch, ctx.Err())
	}
	return Redirect{}, ctx.Err()
}

// Show shows the result of the login in the browser. It returns when the browser has
// fetched the page, or after a timeout.
func (r *Receiver) Show(page Page) {
	r.page = page
	close(r.ready)
	timer := time.NewTimer(pageTimeout)
	defer timer.Stop()
	select {
	case <-r.shown:
	case <-timer.C:
	}
}

// Close closes all connections.
func (r *Receiver) Close() {
	// Not Shutdown, which waits for connections that browsers open and never use.
	_ = r.server.Close() // the result is known already
	for _, l := range r.listeners {
		_ = l.Close() // Serve closes them only if Wait was called
	}
	r.running.Wait()
}
