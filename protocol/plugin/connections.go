package plugin

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
)

const (
	// maxConnections limits the open connections. A host needs one, which all its calls
	// share. Each connection needs a descriptor, and a refresh needs some too.
	maxConnections = 32

	// connectionTimeout limits the TLS handshake and the start of HTTP/2. It is the
	// timeout of gRPC's own clients.
	connectionTimeout = 20 * time.Second

	// maxStreams limits the concurrent calls of one connection. One more call waits until
	// another ends, and a watch may never end. So the limit is far above the needs of a
	// host.
	maxStreams = 4096

	// maxHeaders limits the metadata of a call, in bytes. Clients send some 200.
	maxHeaders = 16 << 10
)

// connections is a listener with a limit of open connections. Above the limit it closes
// the oldest connection without a call. A call needs the host's key, so connections of
// other programs never displace the host's own. If every connection has made a call, it
// closes the new one.
type connections struct {
	net.Listener
	mu   sync.Mutex
	open []*connection // oldest first
}

// connection is one of the open connections.
type connection struct {
	net.Conn
	listener  *connections
	hasCalled bool // guarded by listener.mu
}

// Accept returns the next connection within the limit.
func (l *connections) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.admit(conn); c != nil {
			return c, nil
		}
		_ = conn.Close() // the client sees that it is closed
	}
}

// admit closes another connection for conn if necessary. It returns nil if it cannot.
func (l *connections) admit(conn net.Conn) *connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= maxConnections {
		oldest := slices.IndexFunc(l.open, func(c *connection) bool { return !c.hasCalled })
		if oldest < 0 {
			return nil
		}
		_ = l.open[oldest].Conn.Close() // its server sees that it is closed
		l.open = slices.Delete(l.open, oldest, oldest+1)
	}
	c := &connection{Conn: conn, listener: l}
	l.open = append(l.open, c)
	return c
}

// Close closes the connection, which no longer counts.
func (c *connection) Close() error {
	c.listener.mu.Lock()
	c.listener.open = slices.DeleteFunc(c.listener.open, func(other *connection) bool { return other == c })
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// RemoteAddr returns an address with which a call finds its connection. The clients of a
// Unix socket all have the same address.
func (c *connection) RemoteAddr() net.Addr { return remote{c.Conn.RemoteAddr(), c} }

// remote is the address of a connection's other end.
type remote struct {
	net.Addr
	connection *connection
}

// markCalled marks the connection of a call, so that no other connection displaces it.
func markCalled(ctx context.Context) {
	caller, _ := peer.FromContext(ctx)
	if caller == nil {
		return
	}
	if from, ok := caller.Addr.(remote); ok {
		from.connection.listener.mu.Lock()
		from.connection.hasCalled = true
		from.connection.listener.mu.Unlock()
	}
}

// limits returns the options of a server that serves [connections].
func limits() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ConnectionTimeout(connectionTimeout),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			markCalled(ctx)
			return handle(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
			markCalled(stream.Context())
			return handle(srv, stream)
		}),
	}
}
