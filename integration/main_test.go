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

// binary is the forcecred that all tests of this package run; pluginBinary is
// the forcecred-plugin that lies beside it.
var binary, pluginBinary string

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == hostCommand {
		os.Exit(runHost(os.Args[2]))
	}
	if len(os.Args) == 3 && os.Args[1] == askerCommand {
		os.Exit(runAsker(os.Args[2]))
	}
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
	binary, pluginBinary = filepath.Join(dir, "forcecred"), filepath.Join(dir, "forcecred-plugin")
	if runtime.GOOS == "windows" {
		binary, pluginBinary = binary+".exe", pluginBinary+".exe"
	}
	// Into a folder, where each has the name of its own folder.
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "forcecred", "forcecred/protocol/plugin/forcecred-plugin")
	if out, err := build.CombinedOutput(); err != nil {
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
