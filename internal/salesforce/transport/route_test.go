package transport

import (
	"context"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// peer forwards to the next hop, and records how the client ends each of its
// connections.
type peer struct {
	address string
	ends    chan error
	mute    atomic.Bool // discards what the client sends from now on
}

func startPeer(t *testing.T, next string) *peer {
	t.Helper()
	p := &peer{ends: make(chan error, 8)}
	p.address = accept(t, func(c net.Conn) {
		in := &peerConn{Conn: c, peer: p}
		relay(in, in, next)
	})
	return p
}

// peerConn records its first error, of a read or a write: the system reports a reset
// once.
type peerConn struct {
	net.Conn
	peer *peer
	once sync.Once
}

func (c *peerConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	for err == nil && c.peer.mute.Load() {
		n, err = c.Conn.Read(b)
	}
	return n, c.record(err)
}

func (c *peerConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	return n, c.record(err)
}

func (c *peerConn) record(err error) error {
	if err != nil {
		c.once.Do(func() { c.peer.ends <- err })
	}
	return err
}

// wantReset checks that the next connection to end was reset by its client.
func (p *peer) wantReset(t *testing.T) {
	t.Helper()
	// Wine, which runs the Windows tests, shuts a socket down before it resets it.
	if err := p.end(t); err == io.EOF && runtime.GOOS != "windows" {
		t.Error("the connection ended orderly, want a reset")
	}
}

// wantOrderly checks that the next connection to end was closed after all was sent.
func (p *peer) wantOrderly(t *testing.T) {
	t.Helper()
	if err := p.end(t); err != io.EOF {
		t.Errorf("the connection ended by %v, want EOF", err)
	}
}

func (p *peer) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-p.ends:
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("no connection ended")
		return nil
	}
}

// route is a way from a client to a host.
type route struct {
	name  string
	http1 bool
	proxy func(t *testing.T) *url.URL // starts one; nil for none
}

var routes = []route{
	{"HTTP/1.1", true, nil},
	{"HTTP/2", false, nil},
	{"HTTP/1.1 through CONNECT", true, startConnect},
	{"HTTP/2 through CONNECT", false, startConnect},
	{"through CONNECT over TLS", false, startConnectTLS},
	{"through SOCKS5", false, startSOCKS},
}

// path is a route with a client at one end and a host at the other.
type path struct {
	client *Client
	host   string // its URL
	next   *peer  // before the host or its proxy

	mu    sync.Mutex
	conns []*socket // that the client dialed
}

func newPath(t *testing.T, route route, host http.HandlerFunc) *path {
	t.Helper()
	server := httptest.NewUnstartedServer(host)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = !route.http1
	server.StartTLS()
	t.Cleanup(server.Close)
	p := &path{host: server.URL}
	var proxy *url.URL
	if route.proxy == nil {
		p.next = startPeer(t, server.Listener.Addr().String())
		p.host = "https://" + p.next.address
	} else {
		proxy = route.proxy(t)
		p.next = startPeer(t, proxy.Host)
		proxy.Host = p.next.address
	}

	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate()) // a proxy over TLS has the same
	transport := newHTTPTransport(Config{UserAgent: "forcecred/test"}, roots)
	transport.Proxy = func(req *http.Request) (*url.URL, error) {
		traceOf(req.Context()).setProxy(proxy)
		return proxy, nil
	}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err == nil {
			p.mu.Lock()
			p.conns = append(p.conns, c.(*socket))
			p.mu.Unlock()
		}
		return c, err
	}
	p.client = &Client{connector: connector{whole: func() (*http.Transport, error) { return transport, nil }}, after: time.After}
	return p
}

// dialed returns the client's connections so far, and how many of them are open.
func (p *path) dialed() (all, open int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		if raw, err := c.SyscallConn(); err == nil && raw.Control(func(uintptr) {}) == nil {
			open++
		}
	}
	return len(p.conns), open
}

// post sends a request to the path's host on a new connection.
func (p *path) post(ctx context.Context) (Response, *Error) {
	return p.client.SendOnNewConnection(ctx, newPost(p.host), nil)
}

func newPost(host string) *http.Request {
	form := url.Values{"refresh_token": {"test-refresh-token-0001"}}
	req, err := http.NewRequest(http.MethodPost, host, strings.NewReader(form.Encode()))
	if err != nil {
		panic(err) // the URL is the test's own
	}
	return req
}

// startConnect starts an HTTP proxy that supports only CONNECT.
func startConnect(t *testing.T) *url.URL {
	t.Helper()
	return startProxy(t, (*httptest.Server).Start)
}

// startConnectTLS starts such a proxy that speaks TLS itself.
func startConnectTLS(t *testing.T) *url.URL {
	t.Helper()
	return startProxy(t, (*httptest.Server).StartTLS)
}

func startProxy(t *testing.T, start func(*httptest.Server)) *url.URL {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer in.Close()
		_, _ = io.WriteString(in, "HTTP/1.1 200 Connection established\r\n\r\n")
		relay(in, in, r.Host)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	start(server)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// startSOCKS starts a SOCKS5 proxy (RFC 1928) that requires no password and knows only
// IPv4 addresses.
func startSOCKS(t *testing.T) *url.URL {
	t.Helper()
	address := accept(t, func(c net.Conn) {
		greeting, request := make([]byte, 3), make([]byte, 10)
		if _, err := io.ReadFull(c, greeting); err != nil {
			return
		}
		_, _ = io.WriteString(c, "\x05\x00")
		if _, err := io.ReadFull(c, request); err != nil {
			return
		}
		_, _ = io.WriteString(c, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
		to := net.TCPAddr{IP: request[4:8], Port: int(request[8])<<8 | int(request[9])}
		relay(c, c, to.String())
	})
	return &url.URL{Scheme: "socks5", Host: address}
}

// accept calls handle for each connection to an address on loopback.
func accept(t *testing.T, handle func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return // the test has closed it
			}
			go func() {
				defer c.Close()
				handle(c)
			}()
		}
	}()
	return listener.Addr().String()
}

// relay forwards in both directions until the client ends.
func relay(client io.Writer, from io.Reader, host string) {
	out, err := net.Dial("tcp", host)
	if err != nil {
		return
	}
	defer out.Close()
	go func() { _, _ = io.Copy(client, out) }()
	_, _ = io.Copy(out, from)
}
