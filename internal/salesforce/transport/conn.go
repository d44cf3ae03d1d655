package transport

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// conn is a connection to a host. It carries one request at a time, so that an abort
// affects no other request.
type conn struct {
	http *http.ClientConn
	tcp  *socket // below all TLS, to the host or to its proxy
}

// roundTrip sends req and reads the answer. Without a whole answer it aborts the
// connection before it returns: the caller may send the same token again, and this
// request must not arrive after that.
func (c *conn) roundTrip(req *http.Request, scanner io.Writer) (Response, error) {
	resp, err := c.http.RoundTrip(req)
	if err != nil {
		c.abort()
		return Response{}, err
	}
	body, err := readBody(resp.Body, scanner)
	if err != nil {
		c.abort()
	}
	resp.Body.Close() // the error of readBody is the one that matters
	return Response{resp.StatusCode, resp.Header, body}, err
}

// abort ends the connection at once. The system discards unsent data and resets the
// connection.
func (c *conn) abort() {
	c.tcp.Close()
	c.http.Close() // ends the goroutines of net/http
}

// socket is a TCP connection. Its Close returns after the system closed it, even if
// net/http closes it at the same moment, as it does after a timeout.
type socket struct {
	*net.TCPConn
	close func() error
}

func newSocket(tcp *net.TCPConn) *socket { return &socket{tcp, sync.OnceValue(tcp.Close)} }

// Close closes the connection.
func (s *socket) Close() error { return s.close() }

// discardOnClose makes the system discard unsent data when the socket is closed, by
// Close or by the end of the process. Otherwise the system retransmits the data for
// minutes.
func (s *socket) discardOnClose() error { return s.SetLinger(0) }

// deliverOnClose restores the orderly end of the connection.
func (s *socket) deliverOnClose() error { return s.SetLinger(-1) }

// dial connects to a host or a proxy for the traced request of ctx.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: connectTimeout}
	// GODEBUG can turn on MPTCP, which has its own rules for retransmission.
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
	if err := setUserTimeout(s.TCPConn, Timeout); err != nil {
		s.Close()
		return nil, err
	}
	traceOf(ctx).setSocket(s)
	return s, nil
}

// idleConns are the connections between two requests, at most one for each host.
type idleConns struct {
	mu    sync.Mutex
	conns map[string]*idleConn
}

type idleConn struct {
	*conn
	timer *time.Timer // closes the connection
}

// take returns an idle connection to the URL's host, or nil.
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

// put stores a connection after a whole answer, for [idleTimeout]. It closes the
// connection at once if that can't carry another request.
func (i *idleConns) put(u *url.URL, c *conn) {
	if c.tcp.deliverOnClose() != nil || c.http.Available() == 0 {
		c.http.Close()
		return
	}
	if older := i.swap(u.Host, &idleConn{c, time.AfterFunc(idleTimeout, func() { c.http.Close() })}); older != nil && older.timer.Stop() {
		older.http.Close()
	}
}

// swap stores the idle connection to host, which may be nil, and returns the one
// before, which may be nil.
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
