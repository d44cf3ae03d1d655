package keyring

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forcecred/keystore"
	"forcecred/keystore/keyring/busguard"

	"github.com/godbus/dbus"
)

// TestNoDBusLaunch has a dbus-launch on PATH that leaves a file when it is run,
// and no bus. That it would be run is shown at the end.
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
				cmd.Env = append(homeEnv(newHome(t)), innerTestVariable+"=TestNoDBusLaunch", folder+"="+bin, "PATH="+bin+":"+os.Getenv("PATH"), "DBUS_SESSION_BUS_ADDRESS="+address)
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
		t.Error("without the guard, dbus-launch is not run either: this test shows nothing")
	}
}

// TestMuteBus has a bus that accepts and says nothing: without the guard, the
// inner process never comes to its main.
func TestMuteBus(t *testing.T) {
	home := newHome(t)
	address := "unix:path=" + filepath.Join(home, "mute")
	if os.Getenv(innerTestVariable) == "" {
		l, err := net.Listen("unix", filepath.Join(home, "mute"))
		must(t, err)
		t.Cleanup(func() { _ = l.Close() })
		inner(t, append(homeEnv(home), "DBUS_SESSION_BUS_ADDRESS="+address)...)
		return
	}
	if busguard.Bus() != busguard.Mute {
		t.Errorf("the bus is in state %v", busguard.Bus())
	}
	s, _ := newStore(t, Config{Backend: SecretService})
	wantErrors(t, s, keystore.ErrUnavailable, "does not answer", "FORCECRED_KEYSTORE")
}

// TestLateBus has a bus that answers the library only when it was asked by the
// side whether it is mute.
func TestLateBus(t *testing.T) {
	if !onLateBus(t, true) {
		return
	}
	if !isDialed() || busguard.Bus() != busguard.Usable {
		t.Errorf("the bus is in state %v", busguard.Bus())
	}
}

// TestBusThatAnswersOthers has a bus that answers whoever asks it by the side,
// and never the library.
func TestBusThatAnswersOthers(t *testing.T) {
	if !onLateBus(t, false) {
		return
	}
	if isDialed() || busguard.Bus() != busguard.Mute {
		t.Errorf("the bus is in state %v", busguard.Bus())
	}
}

// onLateBus is inner on a bus whose first connection is served when there is a
// second one, or never.
func onLateBus(t *testing.T, ever bool) bool {
	t.Helper()
	if os.Getenv(innerTestVariable) == t.Name() {
		return inner(t)
	}
	home := newHome(t)
	startBus(t, home, homeEnv(home))
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
			if ever {
				forward(first, filepath.Join(home, "bus"))
				ever = false
			}
		}
	}()
	return inner(t, append(homeEnv(home), "DBUS_SESSION_BUS_ADDRESS=unix:path="+late)...)
}

// forward copies between conn and the socket at path from now on.
func forward(conn net.Conn, path string) {
	bus, err := net.Dial("unix", path)
	if err != nil {
		return // the test will see no answer
	}
	go func() { _, _ = io.Copy(bus, conn) }()
	go func() { _, _ = io.Copy(conn, bus) }()
}

// TestBusUnused has a mute bus and a keystore that needs none.
func TestBusUnused(t *testing.T) {
	const address = "unix:path=/nowhere/mute"
	if !inner(t, "FORCECRED_KEYSTORE=keyctl", "DBUS_SESSION_BUS_ADDRESS="+address) {
		return
	}
	if busguard.Bus() != busguard.Unused {
		t.Errorf("the bus is in state %v", busguard.Bus())
	}
	if got := os.Getenv("DBUS_SESSION_BUS_ADDRESS"); got != address {
		t.Errorf("what forcecred starts has the address %q, want %q", got, address)
	}
	if slices.Contains(Available(), SecretService) {
		t.Error("the bus was dialled")
	}
	s, _ := newStore(t, Config{Backend: SecretService})
	wantErrors(t, s, keystore.ErrUnavailable, "was not asked", "secret-service")
}

// TestOrder holds that the guard is initialised before the library.
func TestOrder(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^$")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1", "FORCECRED_KEYSTORE=file")
	out, err := cmd.CombinedOutput()
	must(t, err)
	guard := strings.Index(string(out), "init forcecred/keystore/keyring/busguard @")
	library := strings.Index(string(out), "init github.com/99designs/keyring @")
	if guard < 0 || library < 0 || guard > library {
		t.Errorf("the guard and the library are initialised at %d and %d of\n%s", guard, library, out)
	}
}

// TestGodbusStays holds the version that the library was written against: newer
// ones by number are older ones.
func TestGodbusStays(t *testing.T) {
	t.Parallel()
	const path, version = "github.com/godbus/dbus", "v0.0.0-20190726142602-4481cbc300e2"
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}{{.Replace}}", path).Output()
	must(t, err)
	if got := strings.TrimSpace(string(out)); got != version+"<nil>" {
		t.Errorf("%s is %s, want %s", path, got, version)
	}
}
