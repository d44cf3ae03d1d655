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
	// maxConnections bounds the open connections. A host needs one, which all its
	// calls share. Each connection costs a descriptor, of which a refresh needs
	// some too.
	maxConnections = 32

	// connectionTimeout bounds the TLS handshake and the start of HTTP/2. Clients
	// of gRPC wait that long themselves.
	connectionTimeout = 20 * time.Second

	// maxStreams bounds the calls of one connection that are under way at once.
	// A further call waits for one of them to end, which a watch may never do: the
	// bound is far above what a host has use for.
	maxStreams = 4096

	// maxHeaders bounds the metadata of a call, in bytes. Clients send some 200.
	maxHeaders = 16 << 10
)

// connections is a listener that bounds how many connections are open. When there
// are too many, it closes the oldest connection that has not made a call yet.
// Without the host's key there are no calls, so connections of other programs
// never displace the host's own connection. When each connection has made a call, it
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

// Accept returns the next connection for which there is room.
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

// admit makes room for conn, or returns nil.
func (l *connections) admit(conn net.Conn) *connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= maxConnections {
		oldest := slices.IndexFunc(l.open, func(c *connection) bool { return !c.hasCalled })
		if oldest < 0 {
			return nil
		}
		_ = l.open[oldest].Conn.Close() // whoever reads from it sees that it is closed
		l.open = slices.Delete(l.open, oldest, oldest+1)
	}
	c := &connection{Conn: conn, listener: l}
	l.open = append(l.open, c)
	return c
}

// Close closes the connection and makes room for another one.
func (c *connection) Close() error {
	c.listener.mu.Lock()
	c.listener.open = slices.DeleteFunc(c.listener.open, func(other *connection) bool { return other == c })
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// RemoteAddr returns an address by which a call finds its connection: the
// addresses of the clients of a Unix socket are all the same.
func (c *connection) RemoteAddr() net.Addr { return remote{c.Conn.RemoteAddr(), c} }

// remote is the address of a connection's other end.
type remote struct {
	net.Addr
	connection *connection
}

// keepConnection makes the connection of a call one that is not closed to make
// room for others.
func keepConnection(ctx context.Context) {
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

// bounds returns what bounds connections and calls. Its server has to be served
// on [connections].
func bounds() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ConnectionTimeout(connectionTimeout),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			keepConnection(ctx)
			return handle(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
			keepConnection(stream.Context())
			return handle(srv, stream)
		}),
	}
}
