package keystores

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/bustest"
)

// onBus runs a command with a session bus and a keystore, in a new home.
func onBus(t *testing.T, bus *bustest.Bus, keystore string, command string) rig.Result {
	t.Helper()
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), rig.Binary, strings.Fields(command)...)
	cmd.Stdin = strings.NewReader("protocol=https\nhost=acme.my.salesforce.com\n\n") // stdin of `git get`
	cmd.Env = []string{
		"HOME=" + home, "PATH=" + os.Getenv("PATH"), "GNUPGHOME=" + home + "/gnupg", "PASSWORD_STORE_DIR=" + home + "/pass",
		"FORCECRED_HOME=" + filepath.Join(home, "forcecred"), "FORCECRED_KEYSTORE=" + keystore, "DBUS_SESSION_BUS_ADDRESS=" + bus.Address,
	}
	return rig.Finish(cmd)
}

func startBus(t *testing.T, step bustest.Step, failure bustest.Failure) *bustest.Bus {
	t.Helper()
	bus, err := bustest.Start(step, failure)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bus.Close)
	return bus
}

// The commands that may use a session bus. The kernel's keyring belongs to the user, so
// only commands that change nothing run with it.
var (
	withoutKeystore = []string{"version", "help", "help get", "completion bash", "get --help"}
	readingCommands = []string{"__complete get nosu", "get nosuch", "list", "status", "git get"}
	changing        = []string{"erase nosuch", "doctor"}
)

// TestBrokenBusIsTriedOnce runs commands with session buses that fail at each step of
// the handshake, in each way. The keyring library dials the bus. forcecred checks it
// once, at every step, and then goes on without it.
func TestBrokenBusIsTriedOnce(t *testing.T) {
	t.Parallel()
	check := func(t *testing.T, step bustest.Step, failure bustest.Failure, keystore, command string) {
		t.Helper()
		t.Parallel()
		bus := startBus(t, step, failure)
		got := onBus(t, bus, keystore, command)
		most := 2
		if failure == bustest.Garbage {
			most = 3 // the library dials again for each of two keyrings if the first dial failed
		}
		if dialed := bus.Dialed(); dialed > most {
			t.Errorf("%s: the bus was dialed %d times, want at most %d", command, dialed, most)
		}
		if command == "get nosuch" && (got.Status != 5 || !strings.Contains(got.Stderr, "session bus")) && keystore != "auto" {
			t.Errorf("%s: status %d, want 5, with what is wrong with the bus: %s", command, got.Status, got.Stderr)
		}
	}
	for _, step := range bustest.Steps() {
		for _, failure := range []bustest.Failure{bustest.Mute, bustest.Drip, bustest.Garbage} {
			t.Run(string(step)+" "+string(failure), func(t *testing.T) { check(t, step, failure, "secret-service", "get nosuch") })
		}
	}
	for _, keystore := range []string{"auto", "secret-service", "kwallet"} {
		for _, command := range append(append([]string(nil), readingCommands...), changing...) {
			t.Run(keystore+" "+command, func(t *testing.T) { check(t, bustest.Hello, bustest.Mute, keystore, command) })
		}
	}
	t.Run("deaf", func(t *testing.T) { check(t, bustest.Mechanisms, bustest.Deaf, "secret-service", "get nosuch") })
}

// TestUnneededBusIsNotDialed: forcecred does not dial the session bus if the keystore
// does not use it, or if the command opens no keystore.
func TestUnneededBusIsNotDialed(t *testing.T) {
	t.Parallel()
	check := func(keystore string, commands []string) {
		t.Run(keystore, func(t *testing.T) {
			t.Parallel()
			bus := startBus(t, bustest.Hello, bustest.Mute)
			for _, command := range commands {
				onBus(t, bus, keystore, command)
				if dialed := bus.Dialed(); dialed > 0 {
					t.Fatalf("%s: the bus was dialed %d times, want never", command, dialed)
				}
			}
		})
	}
	check("file", append(append(append([]string(nil), withoutKeystore...), readingCommands...), changing...))
	check("pass", readingCommands)
	check("keyctl", readingCommands)
	check("sf", readingCommands)
	check("auto", withoutKeystore)
	check("secret-service", withoutKeystore)
}

// TestStartDialsNothing: the library under the keyrings dials the session bus when it is
// initialized. In neither program does that reach a bus.
func TestStartDialsNothing(t *testing.T) {
	t.Parallel()
	for _, path := range []string{rig.Binary, rig.PluginBinary} {
		bus := startBus(t, bustest.Mechanisms, bustest.Mute)
		cmd := exec.CommandContext(t.Context(), path)
		cmd.Env = append(os.Environ(), "DBUS_SESSION_BUS_ADDRESS="+bus.Address)
		rig.Finish(cmd)
		if dialed := bus.Dialed(); dialed > 0 {
			t.Errorf("%s dials the session bus %d times", filepath.Base(path), dialed)
		}
	}
}
