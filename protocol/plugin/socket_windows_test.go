package plugin

import (
	"errors"
	"net"
	"strconv"
	"testing"

	"forcecred/protocol"
)

func environ(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

// TestListen checks that the socket is a port of 127.0.0.1, in the host's range.
func TestListen(t *testing.T) {
	t.Parallel()
	s, err := listen(environ(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Remove()
	at := s.Addr().(*net.TCPAddr)
	if !at.IP.IsLoopback() || at.Port == 0 {
		t.Errorf("the socket is %v", at)
	}
	// The first port is in use, so the socket gets the next free one.
	next, err := listen(environ(map[string]string{"PLUGIN_MIN_PORT": strconv.Itoa(at.Port), "PLUGIN_MAX_PORT": "65535"}))
	if err != nil {
		t.Fatal(err)
	}
	defer next.Remove()
	if got := next.Addr().(*net.TCPAddr); got.Port <= at.Port || !got.IP.IsLoopback() {
		t.Errorf("the socket is %v, behind %v", got, at)
	}
}

func TestListenRefuses(t *testing.T) {
	t.Parallel()
	taken, err := listen(environ(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Remove()
	port := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
	for name, env := range map[string]map[string]string{
		"no number":         {"PLUGIN_MIN_PORT": "x"},
		"no port":           {"PLUGIN_MAX_PORT": "65536"},
		"the wrong order":   {"PLUGIN_MIN_PORT": "2000", "PLUGIN_MAX_PORT": "1000"},
		"none that is free": {"PLUGIN_MIN_PORT": port, "PLUGIN_MAX_PORT": port},
	} {
		s, err := listen(environ(env))
		if err == nil {
			s.Remove()
		}
		if e, ok := errors.AsType[*protocol.Error](err); !ok || e.Code != protocol.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
