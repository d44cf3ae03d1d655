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
	// Most tests wait: for processes, for servers that hang, for backoffs. So more
	// of them can run at once than there are CPUs.
	if err := flag.Set("test.parallel", "6"); err != nil {
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
	// Other users must be able to run the binaries: some tests run them as nobody.
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

// build builds the binaries into dir. Each test package links its own copy, which
// takes a second; go's build cache has the rest.
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
		// go test caches results by the files that this process reads. It can't see
		// what go build reads.
		if _, err := os.ReadDir(source); err != nil {
			return err
		}
	}
	// The go.mod of forcecred's own module selects the versions that users get. go build
	// names each binary for its package folder, because dir ends in a separator.
	build := exec.Command("go", append([]string{"build", "-C", root, "-o", dir + string(filepath.Separator)}, commands...)...)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// Need skips a test if a component that it needs is absent, with the reason. In CI,
// which sets FORCECRED_TEST_REQUIRE=all, the test fails instead.
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

// NeedTool is Need for a program on PATH.
func NeedTool(t *testing.T, name string) {
	t.Helper()
	_, err := exec.LookPath(name)
	Need(t, err == nil, name+" is not installed")
}
