package rig

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Binary is the forcecred that the tests of a package run; PluginBinary is the
// forcecred-plugin in the same folder.
var Binary, PluginBinary string

// Main builds the binaries, runs the tests of a package, and exits. Each package
// below integration calls it in its TestMain.
func Main(m *testing.M) {
	// Most of what runs here waits: for processes, for servers that hang, for
	// pauses between tries. More of it can do so at once than there are CPUs.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	flag.Parse()
	if flag.Lookup("test.list").Value.String() != "" {
		os.Exit(m.Run())
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
	if err := build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build builds the binaries into dir. Each package builds its own: go's build cache
// has all but the linking, which takes a second.
func build(dir string) error {
	Binary, PluginBinary = filepath.Join(dir, "forcecred"), filepath.Join(dir, "forcecred-plugin")
	if runtime.GOOS == "windows" {
		Binary, PluginBinary = Binary+".exe", PluginBinary+".exe"
	}
	commands := []string{"forcecred", "forcecred/protocol/plugin/forcecred-plugin"}
	sources, err := exec.Command("go", append([]string{"list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}} {{.Dir}}{{end}}"}, commands...)...).Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	var root string
	for line := range strings.Lines(string(sources)) {
		path, source, _ := strings.Cut(strings.TrimSpace(line), " ")
		if path == "forcecred" {
			root = source
		}
		if path != "forcecred" && !strings.HasPrefix(path, "forcecred/") {
			continue
		}
		// go test's cache can't see what go build reads, but sees what the test reads.
		if _, err := os.ReadDir(source); err != nil {
			return err
		}
	}
	// In forcecred's own module, whose go.mod says what users get, into a folder, where
	// each has the name of its own folder.
	build := exec.Command("go", append([]string{"build", "-C", root, "-o", dir + string(filepath.Separator)}, commands...)...)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// Need skips a test whose real component is absent, with the reason. In CI
// nothing may be absent.
func Need(t *testing.T, present bool, reason string) {
	t.Helper()
	switch {
	case present:
	case os.Getenv("FORCECRED_TEST_REQUIRE") == "all":
		t.Fatalf("FORCECRED_TEST_REQUIRE=all, but %s", reason)
	default:
		t.Skip(reason)
	}
}

// NeedTool skips a test whose program is not installed, as Need does.
func NeedTool(t *testing.T, name string) {
	t.Helper()
	_, err := exec.LookPath(name)
	Need(t, err == nil, name+" is not installed")
}
