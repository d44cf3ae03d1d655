package integration

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// binary is the forcecred that all tests of this package run.
var binary string

func TestMain(m *testing.M) {
	// Most of what runs here waits: for processes, for servers that hang, for
	// pauses between tries. More of it can do so at once than there are CPUs.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "forcecred-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	// Other users must be able to run it: one test does so as nobody.
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary = filepath.Join(dir, "forcecred")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", binary, "forcecred").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// need skips a test whose real component is absent, with the reason. In CI
// nothing may be absent.
func need(t *testing.T, present bool, reason string) {
	t.Helper()
	switch {
	case present:
	case os.Getenv("FORCECRED_TEST_REQUIRE") == "all":
		t.Fatalf("FORCECRED_TEST_REQUIRE=all, but %s", reason)
	default:
		t.Skip(reason)
	}
}

func needTool(t *testing.T, name string) {
	t.Helper()
	_, err := exec.LookPath(name)
	need(t, err == nil, name+" is not installed")
}
