package busguard

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
)

// listen returns the address of a socket that gives each connection to serve.
func listen(t *testing.T, path string, serve func(net.Conn)) string {
	t.Helper()
	if path == "" {
		dir, err := os.MkdirTemp("/tmp", "busguard") // short enough for a socket
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

// answer says line once it was asked.
func answer(line string) func(net.Conn) {
	return func(conn net.Conn) {
		defer conn.Close()
		if asked, err := bufio.NewReader(conn).ReadString('\n'); err == nil && strings.HasPrefix(asked, "\x00AUTH EXTERNAL ") {
			_, _ = fmt.Fprint(conn, line)
		}
	}
}

func mute(conn net.Conn) { time.Sleep(time.Minute) }

func TestLook(t *testing.T) {
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
		{"none to be dialled", disabled, login, ""},
	} {
		if got := look(tt.given, tt.runtimeDir); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestAsk(t *testing.T) {
	t.Parallel()
	name := "forcecred-busguard-" + filepath.Base(t.TempDir()) + strconv.Itoa(os.Getpid())
	abstract, err := net.Listen("unix", "@"+name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = abstract.Close() })
	go func() {
		if conn, err := abstract.Accept(); err == nil {
			answer("OK 1234\r\n")(conn)
		}
	}()
	for _, tt := range []struct {
		name, address string
		want          State
	}{
		{"sound", listen(t, "", answer("OK 1234\r\n")), Usable},
		{"abstract", "unix:abstract=" + name, Usable},
		{"nobody's", "unix:path=/nowhere", None},
		{"mute", listen(t, "", mute), Mute},
		{"another user's", listen(t, "", answer("REJECTED EXTERNAL\r\n")), Refused},
		{"closing", listen(t, "", func(conn net.Conn) { conn.Close() }), None},
		{"no end of a line", listen(t, "", answer(strings.Repeat("x", 1<<20))), None},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := ask(tt.address); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestOnBus(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"": true, "auto": true, "secret-service": true, "kwallet": true, "file": false, "pass": false, "keyctl": false, "nonsense": false} {
		if got := onBus(name); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
}
