package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestInstallLinks is for all systems; links.txtar has what is different on Unix.
func TestInstallLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const name = "git-credential-forcecred"
	suffix := strings.TrimPrefix(filepath.Base(binary), "forcecred")
	install := func(want string) {
		t.Helper()
		got := finish(exec.CommandContext(t.Context(), binary, "install-links", dir))
		if line := want + " " + name + suffix + "\n"; got.status != 0 || !strings.Contains(got.stdout, line) {
			t.Errorf("status %d: %s%s, want %q", got.status, got.stdout, got.stderr, line)
		}
		if got := finish(exec.CommandContext(t.Context(), filepath.Join(dir, name+suffix), "capability")); !strings.Contains(got.stdout, "authtype") {
			t.Errorf("%s: status %d: %s%s", name, got.status, got.stdout, got.stderr)
		}
	}
	install("made")
	install("kept")
	if runtime.GOOS == "windows" {
		// What an earlier version left is a file of its own.
		program, err := os.ReadFile(binary)
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
	if got := finish(exec.CommandContext(t.Context(), binary, "install-links", dir)); got.status != 2 {
		t.Errorf("over somebody else's file: status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	if left, err := os.ReadFile(filepath.Join(dir, name+suffix)); err != nil || string(left) != "somebody's" {
		t.Errorf("somebody else's file has changed: %v", err)
	}
}
