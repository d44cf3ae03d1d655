package keystores

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"forcecred/integration/internal/rig"
)

// TestNoSessionBusIsStarted: if there is no session bus, the keyring library starts one
// that never ends. A hundred commands of forcecred start none, whichever keystore they
// use.
func TestNoSessionBusIsStarted(t *testing.T) {
	t.Parallel()
	rig.NeedTool(t, "dbus-launch")
	rig.NeedTool(t, "dbus-daemon")
	mark := "FORCECRED_TEST_BUS=" + filepath.Base(t.TempDir()) + strconv.Itoa(os.Getpid())
	env := []string{mark, "HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Env = env
		return cmd
	}
	t.Cleanup(func() {
		for _, pid := range rig.ProcessesWith(t, mark) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})

	const times = 100
	for range times / 2 {
		if got := rig.Finish(command(rig.Binary, "version")); got.Status != 0 {
			t.Fatalf("version: status %d: %s", got.Status, got.Stderr)
		}
		get := command(rig.Binary, "get", "prod")
		get.Env = append(get.Env, "FORCECRED_KEYSTORE=secret-service")
		if got := rig.Finish(get); got.Status != 5 {
			t.Fatalf("get: status %d, want 5: %s", got.Status, got.Stderr)
		}
	}
	if left := rig.ProcessesWith(t, mark); len(left) > 0 {
		t.Errorf("%d processes are left: %v", len(left), left)
	}

	// The check above finds a bus that was started.
	if out, err := command("dbus-launch").CombinedOutput(); err != nil {
		t.Fatalf("dbus-launch: %v: %s", err, out)
	}
	if len(rig.ProcessesWith(t, mark)) == 0 {
		t.Error("a bus that was started is not seen: this test can't fail")
	}
	t.Logf("%d commands without a session bus: no dbus-daemon is left", times)
}
