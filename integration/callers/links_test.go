package callers

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
)

// TestInstallLinks runs on all systems; links.txtar has the differences on Unix.
func TestInstallLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const name = "git-credential-forcecred"
	suffix := strings.TrimPrefix(filepath.Base(rig.Binary), "forcecred")
	install := func(want string) {
		t.Helper()
		got := rig.Finish(exec.CommandContext(t.Context(), rig.Binary, "install-links", dir))
		if line := want + " " + name + suffix + "\n"; got.Status != 0 || !strings.Contains(got.Stdout, line) {
			t.Errorf("status %d: %s%s, want %q", got.Status, got.Stdout, got.Stderr, line)
		}
		if got := rig.Finish(exec.CommandContext(t.Context(), filepath.Join(dir, name+suffix), "capability")); !strings.Contains(got.Stdout, "authtype") {
			t.Errorf("%s: status %d: %s%s", name, got.Status, got.Stdout, got.Stderr)
		}
	}
	install("made")
	install("unchanged")
	if runtime.GOOS == "windows" {
		// A copy that an earlier version made is replaced.
		program, err := os.ReadFile(rig.Binary)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, name+suffix)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+suffix), program, 0o700); err != nil {
			t.Fatal(err)
		}
		install("replaced")
	}
	if err := os.Remove(filepath.Join(dir, name+suffix)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+suffix), []byte("somebody's"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := rig.Finish(exec.CommandContext(t.Context(), rig.Binary, "install-links", dir)); got.Status != 2 {
		t.Errorf("over somebody else's file: status %d: %s%s", got.Status, got.Stdout, got.Stderr)
	}
	if left, err := os.ReadFile(filepath.Join(dir, name+suffix)); err != nil || string(left) != "somebody's" {
		t.Errorf("somebody else's file has changed: %v", err)
	}
}
