// Package loopback receives the redirect with which a login in the browser comes back to this machine.
//
// It is the receiving end of RFC 8252, section 7.3, for servers that want the
// redirect's address to the letter, port included. It knows nothing of what the
// code is good for.
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
)

// Path is where the redirect has to come in: that of the Salesforce CLI, which
// apps that people have registered name already.
const Path = "/OauthRedirect"

const (
	headerTimeout = 10 * time.Second
	maxHeader     = 32 << 10
	// pageGrace is how long a finished login waits for the browser to fetch its page.
	pageGrace = 3 * time.Second
)

// ErrForeign says that redirects came while ctx lasted, but none that belongs to
// the login that is waited for.
var ErrForeign = errors.New("what came were redirects of another login")

// Redirect is what the browser brought: a code, or the error in its place.
type Redirect struct {
	Code             secret.Text
	Error            string // as it stands in the address, neither cleaned nor cut
	ErrorDescription string
}

// Receiver listens for one redirect on this machine's own addresses.
type Receiver struct {
	port      int
	server    *http.Server
	listeners []net.Listener
	running   sync.WaitGroup

	mu       sync.Mutex
	state    string // "" once its redirect has come
	foreign  bool   // a redirect came that had another state
	redirect chan Redirect
	pagePath string        // where the browser is sent for the page
	page     Page          // set before ready is closed
	ready    chan struct{} // closed when there is a page
	shown    chan struct{} // closed when the page was fetched
	fetch    sync.Once
}

// Listen listens at http://localhost:port, that is on 127.0.0.1 and, where this
// machine has it, on ::1: browsers take either for localhost. Port 0 is a free
// one. The caller closes the Receiver.
func Listen(port int) (*Receiver, error) {
	r := &Receiver{redirect: make(chan Redirect, 1), ready: make(chan struct{}), shown: make(chan struct{})}
	addresses := []string{"127.0.0.1"}
	if hasIPv6() {
		// Were it left to somebody else, that one might get the code.
		addresses = append(addresses, "::1")
	}
	for _, address := range addresses {
		l, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
		if err != nil {
			for _, open := range r.listeners {
				_ = open.Close() // nobody has connected yet
			}
			return nil, err
		}
		port = l.Addr().(*net.TCPAddr).Port
		r.listeners = append(r.listeners, l)
	}
	r.port = port
	r.server = &http.Server{
		Handler:           http.HandlerFunc(r.serve),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(io.Discard, "", 0), // it would quote what anybody sends
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

// URI returns the redirect's address, as the app has to have it.
func (r *Receiver) URI() string { return fmt.Sprintf("http://localhost:%d%s", r.port, Path) }

// Wait returns the redirect that has that state. All others are turned away and
// do not end it: were it otherwise, any page could end a login by sending the
// browser here. When ctx ends before, it returns the context's error, and
// [ErrForeign] with it where that is so. It may be called once.
func (r *Receiver) Wait(ctx context.Context, state string) (Redirect, error) {
	r.mu.Lock()
	r.state, r.pagePath = state, "/"+rand.Text()
	r.mu.Unlock()
	for _, l := range r.listeners {
		// It ends with Close, and with an error that says just that.
		r.running.Go(func() { _ = r.server.Serve(l) })
	}
	select {
	case redirect := <-r.redirect:
		return redirect, nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.foreign {
		return Redirect{}, fmt.Errorf("%w: %w", ErrForeign, ctx.Err())
	}
	return Redirect{}, ctx.Err()
}

// Show shows the browser how the login ended, and returns when it has fetched
// that, or does not come for it.
func (r *Receiver) Show(page Page) {
	r.page = page
	close(r.ready)
	timer := time.NewTimer(pageGrace)
	defer timer.Stop()
	select {
	case <-r.shown:
	case <-timer.C:
	}
}

// Close ends all connections.
func (r *Receiver) Close() {
	// Not Shutdown: it would wait for connections that browsers open and never use.
	_ = r.server.Close() // there is nothing left to tell
	for _, l := range r.listeners {
		_ = l.Close() // those that Wait was never called for
	}
	r.running.Wait()
}
