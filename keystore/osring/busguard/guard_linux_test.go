package busguard

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
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
	good := listen(t, "", answer("OK 1234\r\n"))
	refused := listen(t, "", answer("REJECTED EXTERNAL\r\n"))
	silent := listen(t, "", mute)
	closing := listen(t, "", func(conn net.Conn) { conn.Close() })
	endless := listen(t, "", answer(strings.Repeat("x", 1<<20)))
	login := t.TempDir()
	socket := filepath.Join(login, "bus")
	listen(t, socket, answer("OK 1234\r\n"))
	old := t.TempDir()
	if err := os.WriteFile(filepath.Join(old, "dbus-session"), []byte("DBUS_SESSION_BUS_ADDRESS="+good+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	name := "forcecred-busguard-" + filepath.Base(filepath.Dir(socket))
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
	empty := t.TempDir()
	for _, tt := range []struct {
		name, given, runtimeDir string
		state                   State
		address                 string
	}{
		{"an address", good, empty, Usable, good},
		{"an address with a guid", good + ",guid=12", empty, Usable, good + ",guid=12"},
		{"an abstract socket", "unix:abstract=" + name, empty, Usable, "unix:abstract=" + name},
		{"an address beside a login's", good, login, Usable, good},
		{"the login's bus", "", login, Usable, "unix:path=" + socket},
		{"autolaunch with a login's bus", "autolaunch:", login, Usable, "unix:path=" + socket},
		{"the login's bus, as once", "", old, Usable, good},
		{"the second of two", "unix:path=/nowhere;" + good, empty, Usable, good},
		{"nothing", "", empty, None, disabled},
		{"autolaunch", "autolaunch:", empty, None, disabled},
		{"autolaunch with a scope", "autolaunch:scope=*user", login, None, disabled},
		{"no socket there", "unix:path=/nowhere", login, None, disabled},
		{"another transport", "tcp:host=127.0.0.1,port=1", empty, None, disabled},
		{"a program", "unixexec:path=/bin/true", empty, None, disabled},
		{"no address", "nonsense", empty, None, disabled},
		{"mute", silent, empty, Mute, disabled},
		{"mute, then another", silent + ";" + good, empty, Usable, good},
		{"another user's", refused, empty, Refused, disabled},
		{"closing", closing, empty, None, disabled},
		{"no end of a line", endless, empty, None, disabled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			state, address := look(tt.given, tt.runtimeDir)
			if state != tt.state || address != tt.address {
				t.Errorf("got %v, %q, want %v, %q", state, address, tt.state, tt.address)
			}
			if took := time.Since(begin); took > 2*patience {
				t.Errorf("it took %v", took)
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

// BenchmarkAsk tells what a sound bus costs at each start.
func BenchmarkAsk(b *testing.B) {
	tool, err := exec.LookPath("dbus-daemon")
	if err != nil {
		b.Skip(err)
	}
	dir := b.TempDir()
	cmd := exec.CommandContext(b.Context(), tool, "--session", "--nofork", "--print-address", "--address=unix:path="+dir+"/bus")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if state := ask(strings.TrimSpace(address)); state != Usable {
			b.Fatalf("got %v", state)
		}
	}
}
