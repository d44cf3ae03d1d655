package rig

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// MuteBus returns the address of a bus that says nothing.
func MuteBus(t *testing.T) string {
	t.Helper()
	address, end, err := StartMuteBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return address
}

// StartMuteBus starts a session bus that accepts connections and says nothing.
func StartMuteBus() (address string, end func(), err error) {
	// Not in a test's own folder, whose path may be too long for a socket.
	dir, err := os.MkdirTemp("", "bus")
	if err != nil {
		return "", nil, err
	}
	listener, err := net.Listen("unix", filepath.Join(dir, "bus"))
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	go func() {
		var held []net.Conn // or they would be collected, and closed
		for {
			conn, err := listener.Accept()
			if err != nil {
				break // the test is over
			}
			held = append(held, conn)
		}
		for _, conn := range held {
			conn.Close()
		}
	}()
	return "unix:path=" + filepath.Join(dir, "bus"), func() {
		listener.Close()
		os.RemoveAll(dir)
	}, nil
}
