package keyring

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/keyring/sessionbus"

	"github.com/godbus/dbus"
)

// TestNoDBusLaunch puts a dbus-launch on PATH that leaves a file when it runs, and has
// no bus. The end of the test shows that the library would run it.
func TestNoDBusLaunch(t *testing.T) {
	const folder = "FORCECRED_TEST_BIN"
	if _, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Getuid())); err == nil {
		t.Skip("this user has a session bus")
	}
	if os.Getenv(innerTestVariable) == "" {
		bin := t.TempDir()
		must(t, os.WriteFile(filepath.Join(bin, "dbus-launch"), []byte("#!/bin/sh\ntouch "+bin+"/pwned\n"), 0o700))
		for _, address := range []string{"", "autolaunch:"} {
			t.Run("address "+address, func(t *testing.T) {
				self, err := os.Executable()
				must(t, err)
				cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestNoDBusLaunch$")
				cmd.Env = append(environOf(newHome(t)), innerTestVariable+"=TestNoDBusLaunch", folder+"="+bin, "PATH="+bin+":"+os.Getenv("PATH"), "DBUS_SESSION_BUS_ADDRESS="+address)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
		return
	}
	pwned := filepath.Join(os.Getenv(folder), "pwned")
	for _, backend := range []Backend{SecretService, KWallet} {
		s, _ := newStore(t, Config{Backend: backend})
		wantErrors(t, s, keystore.ErrUnavailable, "there is no session bus", "dbus-run-session")
	}
	if _, err := os.Stat(pwned); err == nil {
		t.Error("dbus-launch was run")
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	_, _ = dbus.SessionBusPrivate()
	if os.Remove(pwned) != nil {
		t.Error("the library does not run dbus-launch either: this test shows nothing")
	}
}

// TestMuteBus has a bus that accepts connections and does not answer. If the library
// dialed it, the inner process would not reach its main.
func TestMuteBus(t *testing.T) {
	home := newHome(t)
	address := "unix:path=" + filepath.Join(home, "mute")
	if os.Getenv(innerTestVariable) == "" {
		l, err := net.Listen("unix", filepath.Join(home, "mute"))
		must(t, err)
		t.Cleanup(func() { _ = l.Close() })
		inner(t, append(environOf(home), "DBUS_SESSION_BUS_ADDRESS="+address)...)
		return
	}
	if sessionbus.Connect() != sessionbus.Mute {
		t.Errorf("the bus is in state %v", sessionbus.Current())
	}
	s, _ := newStore(t, Config{Backend: SecretService})
	wantErrors(t, s, keystore.ErrUnavailable, "does not answer", "FORCECRED_KEYSTORE")
}

// TestLateBus has a bus that answers the library after another connection has probed it.
func TestLateBus(t *testing.T) {
	if !onLateBus(t, true) {
		return
	}
	if sessionbus.Connect() != sessionbus.Usable || !sessionbus.IsConnected() {
		t.Errorf("the bus is in state %v", sessionbus.Current())
	}
}

// TestBusThatAnswersOthers has a bus that answers all connections but the library's.
func TestBusThatAnswersOthers(t *testing.T) {
	if !onLateBus(t, false) {
		return
	}
	if sessionbus.Connect() != sessionbus.Mute || sessionbus.IsConnected() {
		t.Errorf("the bus is in state %v", sessionbus.Current())
	}
}

// onLateBus is inner on a bus that serves the first connection when there is a second
// one, or never.
func onLateBus(t *testing.T, servesFirst bool) bool {
	t.Helper()
	if os.Getenv(innerTestVariable) == t.Name() {
		return inner(t)
	}
	home := newHome(t)
	startBus(t, home, environOf(home))
	late := filepath.Join(home, "late")
	l, err := net.Listen("unix", late)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		first, err := l.Accept()
		for err == nil {
			var next net.Conn
			if next, err = l.Accept(); err != nil {
				return
			}
			forward(next, filepath.Join(home, "bus"))
			if servesFirst {
				forward(first, filepath.Join(home, "bus"))
				servesFirst = false
			}
		}
	}()
	return inner(t, append(environOf(home), "DBUS_SESSION_BUS_ADDRESS=unix:path="+late)...)
}

// forward copies between conn and the socket at path.
func forward(conn net.Conn, path string) {
	bus, err := net.Dial("unix", path)
	if err != nil {
		return // the test gets no answer
	}
	go func() { _, _ = io.Copy(bus, conn) }()
	go func() { _, _ = io.Copy(conn, bus) }()
}

// TestBusUnused: the bus is mute, and the keystore needs none.
func TestBusUnused(t *testing.T) {
	home := newHome(t)
	address := "unix:path=" + filepath.Join(home, "mute")
	if os.Getenv(innerTestVariable) == "" {
		l, err := net.Listen("unix", filepath.Join(home, "mute"))
		must(t, err)
		t.Cleanup(func() { _ = l.Close() })
		dialed := make(chan struct{}, 1)
		go func() {
			if _, err := l.Accept(); err == nil {
				dialed <- struct{}{}
			}
		}()
		inner(t, append(environOf(home), "DBUS_SESSION_BUS_ADDRESS="+address)...)
		select {
		case <-dialed:
			t.Error("the bus was dialed")
		default:
		}
		return
	}
	environ := os.Environ()
	newStore(t, Config{Backend: KeyCtl})
	if sessionbus.Current() != sessionbus.Unused {
		t.Errorf("the bus is in state %v", sessionbus.Current())
	}
	if slices.Contains(Available(), SecretService) {
		t.Error("a keyring on the bus seems available")
	}
	if sought, fault := SessionBus(KeyCtl); sought || fault != nil {
		t.Errorf("the bus was asked: %v", fault)
	}
	if !slices.Equal(os.Environ(), environ) {
		t.Error("the environment was changed")
	}
}

// TestLibraryIsInitializedWithoutABus shows that the library finds a connection while it
// is initialized, on whatever module path. Go initializes packages in the order of their
// paths, so the copy of this module has one before the library's and one after it.
func TestLibraryIsInitializedWithoutABus(t *testing.T) {
	t.Parallel()
	for _, module := range []string{"", "a.example/forcecred", "zz.example/forcecred"} {
		name := module
		if name == "" {
			name = "own path"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := buildInModule(t, module)
			bin := t.TempDir()
			launched := filepath.Join(bin, "launched")
			must(t, os.WriteFile(filepath.Join(bin, "dbus-launch"), []byte("#!/bin/sh\ntouch "+launched+"\n"), 0o700))
			bus := filepath.Join(newHome(t), "mute")
			l, err := net.Listen("unix", bus)
			must(t, err)
			t.Cleanup(func() { _ = l.Close() })
			for _, address := range []string{"", "unix:path=" + bus} {
				cmd := exec.CommandContext(contextFor(t, time.Minute), program)
				cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "DBUS_SESSION_BUS_ADDRESS=" + address}
				out, err := cmd.CombinedOutput()
				if err != nil || string(out) != "[secret-service kwallet]\n" {
					t.Errorf("with the address %q: %v: %s", address, err, out)
				}
			}
			if _, err := os.Stat(launched); err == nil {
				t.Error("the library ran dbus-launch")
			}
		})
	}
}

// dialsAtStart is a program that prints which keyrings on the bus the library knows.
const dialsAtStart = `package main

import (
	"fmt"
	"slices"

	"MODULE/keystore/keyring/sessionbus"

	"github.com/99designs/keyring"
)

func main() {
	sessionbus.Release()
	fmt.Println(slices.DeleteFunc(keyring.AvailableBackends(), func(b keyring.BackendType) bool {
		return b != keyring.SecretServiceBackend && b != keyring.KWalletBackend
	}))
}
`

// buildInModule builds dialsAtStart in a copy of this module that has another path, or
// its own if path is "".
func buildInModule(t *testing.T, path string) (program string) {
	t.Helper()
	own := goList(t, "-m", "-f", "{{.Path}}")
	root := goList(t, "-m", "-f", "{{.Dir}}")
	if path == "" {
		path = own
	}
	dir := t.TempDir()
	put := func(file, text string) {
		to := filepath.Join(dir, file)
		must(t, os.MkdirAll(filepath.Dir(to), 0o700))
		must(t, os.WriteFile(to, []byte(text), 0o600))
	}
	read := func(file string) string {
		text, err := os.ReadFile(file)
		must(t, err)
		return string(text)
	}
	put("go.mod", strings.Replace(read(filepath.Join(root, "go.mod")), "module "+own+"\n", "module "+path+"\n", 1))
	put("go.sum", read(filepath.Join(root, "go.sum")))
	put("start/main.go", strings.ReplaceAll(dialsAtStart, "MODULE", path))
	files := goList(t, "-deps", "-f", `{{with .Module}}{{if .Main}}{{range $.GoFiles}}{{$.Dir}}/{{.}}{{"\n"}}{{end}}{{end}}{{end}}`, own+"/keystore/keyring/sessionbus")
	for file := range strings.FieldsSeq(files) {
		to, err := filepath.Rel(root, file)
		must(t, err)
		put(to, strings.ReplaceAll(read(file), `"`+own+`/`, `"`+path+`/`))
	}
	program = filepath.Join(dir, "start", "start")
	build := exec.CommandContext(contextFor(t, 5*time.Minute), "go", "build", "-o", program, "./start")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// goList returns what go list prints.
func goList(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(contextFor(t, time.Minute), "go", append([]string{"list"}, args...)...).Output()
	must(t, err)
	return strings.TrimSpace(string(out))
}

// TestGodbusVersion: godbus has the version that the library was written for. Versions with
// a higher number are older.
func TestGodbusVersion(t *testing.T) {
	t.Parallel()
	const path, version = "github.com/godbus/dbus", "v0.0.0-20190726142602-4481cbc300e2"
	if got := goList(t, "-m", "-f", "{{.Version}}{{.Replace}}", path); got != version+"<nil>" {
		t.Errorf("%s is %s, want %s", path, got, version)
	}
}

func TestBusGone(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	startGNOMEKeyring(t)
	s, quiet := newStore(t, Config{Backend: SecretService})
	quiet.config.NoPrompt = true
	must(t, s.Set(t.Context(), prod, []byte(item)))
	wantItem(t, quiet, prod, item)
	pid, err := strconv.Atoi(os.Getenv(busPIDVariable))
	must(t, err)
	kill(t, pid)
	for range 2 {
		for _, s := range []*Store{s, quiet} {
			_, err := s.Get(t.Context(), prod)
			wantError(t, err, keystore.ErrConnectionLost, "session bus has ended", "restart a plugin")
			wantError(t, s.Set(t.Context(), prod, []byte(item)), keystore.ErrConnectionLost, "session bus has ended", "restart a plugin")
		}
	}
	if _, err := New(s.config).Get(t.Context(), prod); !errors.Is(err, keystore.ErrConnectionLost) || !errors.Is(err, keystore.ErrUnavailable) {
		t.Errorf("a store that was created afterwards: %v, want ErrConnectionLost, which is an ErrUnavailable", err)
	}
}

// TestNoKeyringOnBus: the bus has no keyring, and can't start one.
func TestNoKeyringOnBus(t *testing.T) {
	need(t, "dbus-daemon")
	if os.Getenv(innerTestVariable) == "" {
		home := newHome(t)
		config := home + "/bus.conf"
		must(t, os.WriteFile(config, []byte(`<busconfig><type>session</type><listen>unix:path=`+home+`/bus</listen>
			<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`), 0o600))
		address := firstLine(t, exec.CommandContext(t.Context(), "dbus-daemon", "--config-file="+config, "--nofork", "--print-address"))
		inner(t, append(environOf(home), "DBUS_SESSION_BUS_ADDRESS="+address)...)
		return
	}
	s, _ := newStore(t, Config{Backend: SecretService})
	wantErrors(t, s, keystore.ErrUnavailable, "no Secret Service answers", "gnome-keyring")
	s, _ = newStore(t, Config{Backend: KWallet})
	wantErrors(t, s, keystore.ErrUnavailable, "kwalletd5 does not answer", "KWallet")
}
