package rig

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// MuteBus returns the address of a session bus that never answers.
func MuteBus(t *testing.T) string {
	t.Helper()
	address, end, err := StartMuteBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return address
}

// StartMuteBus starts a session bus that accepts connections and never answers.
func StartMuteBus() (address string, end func(), err error) {
	// The path of a test's own folder may be too long for a socket.
	dir, err := os.MkdirTemp("", "bus")
	if err != nil {
		return "", nil, err
	}
	listener, err := net.Listen("unix", filepath.Join(dir, "bus"))
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	go func() {
		var held []net.Conn // a reference, or the garbage collector closes them
		for {
			conn, err := listener.Accept()
			if err != nil {
				break // the listener is closed
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
