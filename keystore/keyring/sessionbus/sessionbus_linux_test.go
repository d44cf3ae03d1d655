package sessionbus

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"forcecred/internal/bustest"
)

// listen returns the address of a socket that gives each connection to serve.
func listen(t *testing.T, path string, serve func(net.Conn)) string {
	t.Helper()
	if path == "" {
		dir, err := os.MkdirTemp("/tmp", "sessionbus") // short enough for a socket
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		path = filepath.Join(dir, "bus")
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return "unix:path=" + path
}

func mute(conn net.Conn) { time.Sleep(time.Minute) }

func TestFindAddress(t *testing.T) {
	t.Parallel()
	there := listen(t, "", mute)
	login := t.TempDir()
	socket := filepath.Join(login, "bus")
	listen(t, socket, mute)
	old := t.TempDir()
	if err := os.WriteFile(filepath.Join(old, "dbus-session"), []byte("DBUS_SESSION_BUS_ADDRESS="+there+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	for _, tt := range []struct {
		name, given, runtimeDir string
		want                    string
	}{
		{"an address", there, empty, there},
		{"an address with a guid", there + ",guid=12", empty, there + ",guid=12"},
		{"an abstract socket", "unix:abstract=name", empty, "unix:abstract=name"},
		{"an address beside a login's", there, login, there},
		{"the login's bus", "", login, "unix:path=" + socket},
		{"autolaunch with a login's bus", "autolaunch:", login, "unix:path=" + socket},
		{"the login's bus, as once", "", old, there},
		{"the second of two", "unix:path=/nowhere;" + there, empty, there},
		{"nothing", "", empty, ""},
		{"autolaunch", "autolaunch:", empty, ""},
		{"autolaunch with a scope", "autolaunch:scope=*user", login, ""},
		{"no socket there", "unix:path=/nowhere", login, ""},
		{"another transport", "tcp:host=127.0.0.1,port=1", empty, ""},
		{"a program", "unixexec:path=/bin/true", empty, ""},
		{"no address", "nonsense", empty, ""},
		{"a transport that does not exist", "disabled:", login, ""},
	} {
		if got := findAddress(tt.given, tt.runtimeDir); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// failing returns the address of a bus that fails in that way at the step.
func failing(t *testing.T, step bustest.Step, failure bustest.Failure) string {
	t.Helper()
	bus, err := bustest.Start(step, failure)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bus.Close)
	return bus.Address
}

func TestProbe(t *testing.T) {
	t.Parallel()
	refusing := func(conn net.Conn) {
		defer conn.Close()
		in := bufio.NewReader(conn)
		for {
			if _, err := in.ReadString('\n'); err != nil {
				return
			}
			_, _ = fmt.Fprint(conn, "REJECTED EXTERNAL\r\n")
		}
	}
	abstract := "forcecred-sessionbus-" + filepath.Base(t.TempDir()) + strconv.Itoa(os.Getpid())
	listen(t, "@"+abstract, refusing)
	for _, tt := range []struct {
		name, address string
		want          State
	}{
		{"sound", failing(t, bustest.Names, bustest.Mute), Usable}, // which is not asked for
		{"slow", failing(t, bustest.Mechanisms, bustest.Slow), Usable},
		{"abstract, another user's", "unix:abstract=" + abstract, Refused},
		{"nobody's", "unix:path=/nowhere", None},
		{"deaf", failing(t, bustest.Mechanisms, bustest.Deaf), Mute},
		{"mute at first", failing(t, bustest.Mechanisms, bustest.Mute), Mute},
		{"mute to EXTERNAL", failing(t, bustest.Auth, bustest.Mute), Mute},
		{"mute to NEGOTIATE_UNIX_FD", failing(t, bustest.Descriptors, bustest.Mute), Mute},
		{"mute at Hello", failing(t, bustest.Hello, bustest.Mute), Mute},
		{"a line without an end", failing(t, bustest.Auth, bustest.Drip), Mute},
		{"a message without an end", failing(t, bustest.Hello, bustest.Drip), Mute},
		{"no bus", failing(t, bustest.Mechanisms, bustest.Garbage), Alien},
		{"no bus later on", failing(t, bustest.Descriptors, bustest.Garbage), Alien},
		{"no message", failing(t, bustest.Hello, bustest.Garbage), Alien},
		{"closing", listen(t, "", func(conn net.Conn) { conn.Close() }), None},
		{"a long line", listen(t, "", func(conn net.Conn) { _, _ = fmt.Fprint(conn, strings.Repeat("x", 1<<20)) }), Alien},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			timeout := 5 * time.Second // for one step; all steps of the slow bus take 6 s
			if tt.want == Mute {
				timeout = 300 * time.Millisecond
			}
			if got := probe(tt.address, timeout); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
