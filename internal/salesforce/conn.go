package salesforce

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// conn is a connection to a host, for one request at a time: aborting it takes
// no answer from anybody else.
type conn struct {
	http *http.ClientConn
	tcp  *socket // below all TLS, to the host or to its proxy
}

// roundTrip sends req and reads the answer. If no whole answer comes, the
// connection is aborted before roundTrip returns: whoever learns of the failure
// may send the same token again, and this request must not arrive after that one.
// The response has what came of an answer.
func (c *conn) roundTrip(req *http.Request) (response, error) {
	resp, err := c.http.RoundTrip(req)
	if err != nil {
		c.abort()
		return response{}, err
	}
	body, err := readBody(resp.Body)
	if err != nil {
		c.abort()
	}
	resp.Body.Close() // what matters of the body was read
	return response{resp.StatusCode, resp.Header, body}, err
}

// abort ends the connection at once. The system discards what it has not sent
// yet, and resets the connection.
func (c *conn) abort() {
	c.tcp.Close()
	c.http.Close() // ends the goroutines of net/http
}

// socket is a TCP connection whose Close returns after the system has closed it,
// also if somebody else closes it at the same moment: net/http does after a timeout.
type socket struct {
	*net.TCPConn
	close func() error
}

func newSocket(tcp *net.TCPConn) *socket { return &socket{tcp, sync.OnceValue(tcp.Close)} }

// Close closes the connection.
func (s *socket) Close() error { return s.close() }

// discardOnClose makes the system discard what it has not sent when the socket
// is closed, by Close or by the end of the process. Otherwise the system
// retransmits it for minutes after that.
func (s *socket) discardOnClose() error { return s.SetLinger(0) }

// deliverOnClose makes the end of the connection orderly again.
func (s *socket) deliverOnClose() error { return s.SetLinger(-1) }

// dial connects to a host or a proxy, for the trip of ctx.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: connectTimeout}
	// MPTCP, which GODEBUG can turn on, retransmits by rules of its own.
	dialer.SetMultipathTCP(false)
	c, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	s := newSocket(c.(*net.TCPConn))
	if err := s.discardOnClose(); err != nil {
		s.Close()
		return nil, err
	}
	if err := setUserTimeout(s.TCPConn, ExchangeTimeout); err != nil {
		s.Close()
		return nil, err
	}
	tripOf(ctx).dialed(s)
	return s, nil
}

// idleConns are connections between two requests, at most one to a host.
type idleConns struct {
	mu    sync.Mutex
	conns map[string]*idleConn
}

type idleConn struct {
	*conn
	timer *time.Timer // closes the connection
}

// take returns a connection to the URL's host that is ready for a request, or nil.
func (i *idleConns) take(u *url.URL) *conn {
	idle := i.swap(u.Host, nil)
	if idle == nil || !idle.timer.Stop() {
		return nil
	}
	if idle.http.Available() == 0 || idle.tcp.discardOnClose() != nil {
		idle.http.Close()
		return nil
	}
	return idle.conn
}

// put takes back a connection after a whole answer. It closes the connection if
// that can't carry another request, or after [idleTimeout].
func (i *idleConns) put(u *url.URL, c *conn) {
	if c.tcp.deliverOnClose() != nil || c.http.Available() == 0 {
		c.http.Close()
		return
	}
	if older := i.swap(u.Host, &idleConn{c, time.AfterFunc(idleTimeout, func() { c.http.Close() })}); older != nil && older.timer.Stop() {
		older.http.Close()
	}
}

// swap stores the idle connection to host, or none, and returns the one before or nil.
func (i *idleConns) swap(host string, next *idleConn) (before *idleConn) {
	i.mu.Lock()
	defer i.mu.Unlock()
	before = i.conns[host]
	if i.conns == nil {
		i.conns = map[string]*idleConn{}
	}
	i.conns[host] = next
	return before
}
