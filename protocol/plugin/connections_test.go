package plugin

import (
	"io"
	"net"
	"testing"
	"time"

	"forcecred/internal/hints"
	"forcecred/protocol"
	pb "forcecred/protocol/plugin/internal/forcecredv1"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// serveOnAPort serves a core as the plugin does. It returns functions that make clients
// and bare connections.
func serveOnAPort(t *testing.T) (l *connections, newHost func() *Client, connect func() net.Conn) {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l = &connections{Listener: tcp}
	s := grpc.NewServer(append(recoverPanics(hclog.NewNullLogger()), limits()...)...)
	pb.RegisterCredentialServiceServer(s, &server{failed: func(error) {}, hint: hints.Of, core: fakeCore{
		list: func() ([]protocol.ListedOrg, error) { return nil, nil },
	}})
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	newHost = func() *Client {
		t.Helper()
		conn, err := grpc.NewClient(tcp.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return &Client{rpc: pb.NewCredentialServiceClient(conn), close: func() { _ = conn.Close() }}
	}
	connect = func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", tcp.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	return l, newHost, connect
}

func (l *connections) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// TestIdleConnections checks that many idle connections displace no host, whether it
// connected before or connects after them.
func TestIdleConnections(t *testing.T) {
	t.Parallel()
	l, newHost, connect := serveOnAPort(t)
	first := newHost()
	if _, err := first.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	idle := make([]net.Conn, 10*maxConnections)
	for i := range idle {
		idle[i] = connect()
	}
	for _, host := range []*Client{first, newHost()} {
		if _, err := host.List(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if open := l.count(); open > maxConnections {
		t.Errorf("%d connections are open, want at most %d", open, maxConnections)
	}
	// All but the last ones are closed, each by the plugin's side.
	for _, conn := range idle[:len(idle)-maxConnections] {
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil && isTimeout(err) {
			t.Fatal("an idle connection stays open")
		}
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// TestConnectionsOfHosts checks that hosts with calls keep their connections, and that one
// host too many is refused until another disconnects.
func TestConnectionsOfHosts(t *testing.T) {
	t.Parallel()
	l, newHost, _ := serveOnAPort(t)
	hosts := make([]*Client, maxConnections)
	for i := range hosts {
		hosts[i] = newHost()
		if _, err := hosts[i].List(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := newHost().List(t.Context()); err == nil {
		t.Error("one host too many is served")
	}
	for _, host := range hosts {
		if _, err := host.List(t.Context()); err != nil {
			t.Errorf("a host lost its connection: %v", err)
		}
	}
	hosts[0].Close()
	for l.count() >= maxConnections {
		time.Sleep(time.Millisecond) // the server notices it in a moment
	}
	if _, err := newHost().List(t.Context()); err != nil {
		t.Errorf("a host disconnected, but: %v", err)
	}
}
