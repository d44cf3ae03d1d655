package rig

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestModule runs the tests in a folder of another module, which `go test ./...`
// does not enter.
func TestModule(t *testing.T, dir string, flags ...string) {
	t.Helper()
	// go test caches results by the files that this process reads, not a subprocess.
	if _, err := os.ReadDir(dir); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "-C", dir, "list", "-deps", "-test", "./...").CombinedOutput()
	Need(t, err == nil, fmt.Sprintf("the modules of %s can't be had (does `go mod tidy` change it?): %v\n%s", dir, err, Tail(out)))

	args := slices.Concat([]string{"-C", dir, "test", "-count=1", "-v", "-timeout=5m"}, flags, []string{"./..."})
	out, err = exec.CommandContext(t.Context(), "go", args...).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "=== ") && line != "PASS\n" {
			t.Log(strings.TrimSuffix(line, "\n"))
		}
	}
	if err != nil {
		t.Errorf("go test in %s: %v", dir, err)
	}
}

// Race returns the flag -race, or nothing if there is no C compiler, which it needs.
func Race(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "CGO_ENABLED").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, err = exec.LookPath("gcc")
	if err != nil || strings.TrimSpace(string(out)) != "1" {
		return nil
	}
	return []string{"-race"}
}

// InstallNode copies a Node program into a new folder and installs its packages
// there.
func InstallNode(t *testing.T, program string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(program)); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	out, err := install.CombinedOutput()
	Need(t, err == nil, fmt.Sprintf("the modules of %s can't be installed: %v\n%s", program, err, Tail(out)))
	return dir
}
