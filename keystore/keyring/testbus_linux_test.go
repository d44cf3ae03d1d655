package keyring

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// busPIDVariable has the process of the test's session bus.
const busPIDVariable = "FORCECRED_TEST_BUS_PID"

// need skips the test if a program is missing.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			skipOrFail(t, err)
		}
	}
}

// skipOrFail skips the test, or fails it if FORCECRED_TEST_REQUIRE requires all tests.
func skipOrFail(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("FORCECRED_TEST_REQUIRE") == "all" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// inner reports whether this process is the inner one of the test. In the outer
// one it runs the test again in a process of its own, since a process connects to the
// session bus once. It adds env to the process's environment.
func inner(t *testing.T, env ...string) bool {
	t.Helper()
	if os.Getenv(innerTestVariable) == t.Name() {
		return true
	}
	t.Parallel()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(contextFor(t, 7*time.Minute), self, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=400s")
	cmd.Env = append(append(os.Environ(), innerTestVariable+"="+t.Name()), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if testing.Verbose() {
		t.Logf("%s", out)
	}
	return false
}

// onBus is inner with a session bus and a home of its own.
func onBus(t *testing.T, env ...string) bool {
	t.Helper()
	if os.Getenv(innerTestVariable) == t.Name() {
		t.Cleanup(func() {
			// kwalletd5 outlives its bus.
			for _, name := range []string{secretsName, kwalletName} {
				if pid, ok := ownerOf(t, name); ok {
					kill(t, pid)
				}
			}
		})
		return inner(t)
	}
	home := newHome(t)
	env = append(environOf(home), env...)
	address, pid := startBus(t, home, env)
	return inner(t, append(env, "DBUS_SESSION_BUS_ADDRESS="+address, busPIDVariable+"="+strconv.Itoa(pid))...)
}

// startBus starts a session bus. Its socket is home/bus.
func startBus(t *testing.T, home string, env []string) (address string, pid int) {
	t.Helper()
	need(t, "dbus-daemon")
	bus := exec.CommandContext(t.Context(), "dbus-daemon", "--session", "--nofork", "--print-address", "--address=unix:path="+filepath.Join(home, "bus"))
	bus.Env = env
	bus.WaitDelay = time.Second
	return firstLine(t, bus), bus.Process.Pid
}

// onBusWithScreen is onBus with a screen that nobody sees.
func onBusWithScreen(t *testing.T) bool {
	t.Helper()
	if os.Getenv(innerTestVariable) == t.Name() {
		return onBus(t)
	}
	display := firstLine(t, exec.CommandContext(t.Context(), "Xvfb", "-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp"))
	return onBus(t, "DISPLAY=:"+display)
}

// newHome returns a home folder. Its path is short enough for sockets.
func newHome(t *testing.T) string {
	t.Helper()
	home, err := os.MkdirTemp("/tmp", "keyring")
	must(t, err)
	t.Cleanup(func() {
		// A daemon may still be writing its last file.
		for range 20 {
			if os.RemoveAll(home) == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
	must(t, os.Mkdir(filepath.Join(home, "run"), 0o700))
	return home
}

func environOf(home string) []string {
	env := []string{
		"HOME=" + home, "XDG_DATA_HOME=" + home + "/data", "XDG_CONFIG_HOME=" + home + "/config", "XDG_CACHE_HOME=" + home + "/cache",
		"XDG_RUNTIME_DIR=" + home + "/run", "GNUPGHOME=" + home + "/gnupg", "PASSWORD_STORE_DIR=" + home + "/pass", "FORCECRED_KEYSTORE=",
	}
	for _, name := range []string{"PATH", "FORCECRED_TEST_REQUIRE", "TMPDIR", "GOCOVERDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, "DISPLAY=", "WAYLAND_DISPLAY=", "GPG_TTY=")
}

// firstLine starts cmd and returns the first line that it prints.
func firstLine(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("%s: %v", cmd.Path, err)
	}
	return strings.TrimSpace(line)
}

// kill ends the process, and waits until it is gone.
func kill(t *testing.T, pid int) {
	t.Helper()
	must(t, syscall.Kill(pid, syscall.SIGKILL))
	for range 3000 {
		if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err != nil || strings.Contains(string(status), ") Z ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("process %d does not end", pid)
}

// busCall calls a method of the bus itself, which starts no service.
func busCall(method, name string) (string, error) {
	out, err := exec.Command("dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus",
		"/", "org.freedesktop.DBus."+method, "string:"+name).Output()
	return string(out), err
}

// ownerOf returns the process that owns a name on the bus.
func ownerOf(t *testing.T, name string) (pid int, ok bool) {
	t.Helper()
	out, err := busCall("GetConnectionUnixProcessID", name)
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(out)
	pid, err = strconv.Atoi(fields[len(fields)-1])
	must(t, err)
	return pid, true
}

// waitForOwner waits until the process owns that name on the bus. The bus takes a while to
// notice that the owner before has ended. It kills another owner, such as one that the bus
// has started meanwhile.
func waitForOwner(t *testing.T, name string, process int) {
	t.Helper()
	for range 3000 { // a machine under load
		pid, ok := ownerOf(t, name)
		if ok && pid == process {
			return
		}
		if ok {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended unnoticed
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s gets no owner", name)
}

func run(t *testing.T, stdin string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...) // not t.Context: a cleanup calls it too
	cmd.Stdin = strings.NewReader(stdin)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	cmd.WaitDelay = time.Second // daemons that it starts inherit its streams
	out, err := cmd.Output()
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		t.Fatalf("%s: %v: %s", name, err, stderr.String())
	}
	return string(out)
}

// start starts a process that ends with the test.
func start(t *testing.T, stdin io.Reader, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = stdin
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// isLocked asks the service whether the collection or wallet of s is locked.
func isLocked(t *testing.T, s *Store) (bool, error) {
	t.Helper()
	return s.driver.(busService).isLocked(t.Context())
}

func contextFor(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// wantErrors fails unless every operation fails for that reason.
func wantErrors(t *testing.T, s *Store, reason error, text string, hint string) {
	t.Helper()
	wantItemErrors(t, s, reason, text, hint)
	_, err := s.List(t.Context(), prod.Kind)
	wantError(t, err, reason, text, hint)
}

func wantItemErrors(t *testing.T, s *Store, reason error, text string, hint string) {
	t.Helper()
	_, err := s.Get(t.Context(), prod)
	wantError(t, err, reason, text, hint)
	wantError(t, s.Set(t.Context(), prod, []byte(item)), reason, text, hint)
	wantError(t, s.Delete(t.Context(), prod), reason, text, hint)
}
