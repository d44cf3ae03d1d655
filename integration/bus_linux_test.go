package integration

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestNoBusIsLeft: the library under the keyrings starts a session bus where
// there is none, which nobody ends. A hundred commands of ours start not one,
// whether or not the keystore that they name would need it.
func TestNoBusIsLeft(t *testing.T) {
	t.Parallel()
	needTool(t, "dbus-launch")
	needTool(t, "dbus-daemon")
	mark := "FORCECRED_TEST_BUS=" + filepath.Base(t.TempDir()) + strconv.Itoa(os.Getpid())
	env := []string{mark, "HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Env = env
		return cmd
	}
	t.Cleanup(func() {
		for _, pid := range marked(t, mark) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})

	const times = 100
	for range times / 2 {
		if got := finish(command(binary, "version")); got.status != 0 {
			t.Fatalf("version: status %d: %s", got.status, got.stderr)
		}
		get := command(binary, "get", "prod")
		get.Env = append(get.Env, "FORCECRED_KEYSTORE=secret-service")
		if got := finish(get); got.status != 5 {
			t.Fatalf("get: status %d, want 5: %s", got.status, got.stderr)
		}
	}
	if left := marked(t, mark); len(left) > 0 {
		t.Errorf("%d processes are left: %v", len(left), left)
	}

	// What would have been seen.
	if out, err := command("dbus-launch").CombinedOutput(); err != nil {
		t.Fatalf("dbus-launch: %v: %s", err, out)
	}
	if len(marked(t, mark)) == 0 {
		t.Error("a bus that was started is not seen: this test can't fail")
	}
	t.Logf("%d commands without a session bus: no dbus-daemon is left", times)
}

// marked returns the processes that have the mark in their environment.
func marked(t *testing.T, mark string) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+mark+"\x00")) {
			continue // it has ended, is another user's, or is none of ours
		}
		pid, err := strconv.Atoi(strings.Split(file, "/")[2])
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}
