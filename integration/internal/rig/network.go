package rig

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
)

// Timeout is far longer than any command of forcecred takes. A test that waits
// this long has failed.
const Timeout = 3 * time.Minute

// Listen calls handle with each connection to an address on loopback, until the
// test ends, and closes the connection afterwards. It returns the address.
func Listen(t *testing.T, handle func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	Serve(t, listener, handle)
	return listener.Addr().String()
}

func Serve(t *testing.T, listener net.Listener, handle func(net.Conn)) {
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // the test has closed the listener
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			all.Go(func() {
				defer conn.Close()
				handle(conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for _, conn := range open {
			conn.Close()
		}
		mu.Unlock()
		all.Wait()
	})
}

// HasControl reports whether text has a control character other than a newline.
func HasControl(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && unicode.IsControl(r) })
}
