//go:build linux && amd64

package platform

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// wine is a new Windows under wine.
type wine struct {
	prefix string // the folder of its drive C:; Z: is this machine's root
	env    []string
}

// mingw compiles C for Windows.
const mingw = "x86_64-w64-mingw32-gcc"

// newWine makes a Windows, and calls meanwhile while it does.
func newWine(t *testing.T, meanwhile func()) *wine {
	t.Helper()
	for _, tool := range []string{"wine", "wineboot", "wineserver", mingw} {
		rig.NeedTool(t, tool)
	}
	home := t.TempDir()
	w := &wine{prefix: filepath.Join(home, "wine")}
	w.env = append(os.Environ(), "HOME="+home, "WINEPREFIX="+w.prefix, "WINEDEBUG=-all", "DISPLAY=",
		"WINEDLLOVERRIDES=mscoree,mshtml=;winemenubuilder.exe=d", // no dialogs, no menus of a desktop
		"FORCECRED_TEST_REQUIRE=")                                // expected below has the tests that may skip
	if err := os.Mkdir(w.prefix, 0o700); err != nil {
		t.Fatal(err)
	}
	// wineserver keeps the streams open, so the test must not wait for their end.
	if err := w.command("wineserver", "--persistent").Run(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.run(t, "wineserver", "--kill", "--wait") })
	boot := w.command("wineboot", "--init")
	if err := boot.Start(); err != nil {
		t.Fatal(err)
	}
	meanwhile()
	if err := boot.Wait(); err != nil {
		t.Fatal(err)
	}
	library := filepath.Join(w.prefix, "drive_c/windows/system32/bcryptprimitives.dll")
	if _, err := os.Stat(library); errors.Is(err, fs.ErrNotExist) {
		w.run(t, mingw, "-Wall", "-Werror", "-shared", "-o", library, "testdata/wine/bcryptprimitives.c", "-ladvapi32")
	}
	return w
}

func (w *wine) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = w.env
	return cmd
}

func (w *wine) run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := w.command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// buildForWindows builds forcecred.exe and the packages' tests, NAME.test.exe,
// into a folder.
func buildForWindows(t *testing.T, packages []string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	goForWindows(t, "build", "-o", dir+"/", "forcecred")
	goForWindows(t, append([]string{"test", "-c", "-o", dir + "/"}, packages...)...)
	return dir
}

// testSupport has the packages that no user's binary contains. Some need tools that
// wine lacks.
var testSupport = []string{"forcecred/internal/house", "forcecred/internal/orgtest", "forcecred/internal/desktop", "forcecred/internal/bustest"}

// testedPackages returns the import paths of the packages that have tests on
// Windows, without those that test or support the whole.
func testedPackages(t *testing.T) []string {
	t.Helper()
	out := goForWindows(t, "list", "-f", "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}", "forcecred/...")
	return slices.DeleteFunc(strings.Fields(out), func(path string) bool {
		return slices.Contains(testSupport, path) || strings.HasPrefix(path, "forcecred/integration/")
	})
}

func goForWindows(t *testing.T, args ...string) (stdout string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "GOOS=windows", "CGO_ENABLED=0")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s%s", args[0], err, out, stderr.String())
	}
	return string(out)
}

// expected says which of a package's tests run on Windows.
type expected struct {
	must []string // tests that must pass
	may  string   // tests that may skip
	omit string   // tests that are not run
}

var onWindows = map[string]expected{
	"forcecred/internal/cli": {may: "^Test(Env|Curl)FormatSurvives"}, // they need a shell or curl
	"forcecred/keystore/agefile": {
		must: []string{"TestConformance/names", "TestConformance/lock_counts", "TestItemErrors/one_bit", "TestKilled", "TestIdentityIsCreatedOnce"},
		may:  "^Test(AgeCommand|Modes|DataFolderKeepsMode|FilesOfAnotherUser|FolderErrors/.*|LockIsNoRegularFile|ItemIsNoRegularFile/link.*|IdentityErrors/(readable|writable).*)$",
		// wine does not replace an open file, even if it is shared. So a writer waits until no
		// reader has it open.
		omit: "^TestConformance$/^concurrent_writers$",
	},
	"forcecred/keystore/journal":     {may: "^TestLinksAreNotFollowed$"},
	"forcecred/internal/privatefile": {may: "^TestReadSecret/the_(group's|group_may_write|world's)$"},
	"forcecred/keystore/sfcli":       {may: "^Test(OpenKeyFile|Unwritable|LinkedFolder)$"},
	"forcecred/keystore/keyring": {must: []string{
		"TestWinCred/names", "TestWinCred/concurrent_writers", "TestWinCred/lock_counts", "TestWinCredProcesses", "TestWinCredOfOtherPrograms",
		"TestWinCredLimit/2561", "TestWinCredIsDetected", "TestSplitItems", "TestTorn/a_part_is_missing", "TestStaleParts", "TestTooLarge",
	}},
}

var outcome = regexp.MustCompile(`(?m)^ *--- (PASS|FAIL|SKIP): (\S+)`)

// TestWindowsUnderWine runs the tests of the packages under wine, and the commands with
// the keystores of Windows.
func TestWindowsUnderWine(t *testing.T) {
	t.Parallel()
	packages := testedPackages(t)
	var dir string
	w := newWine(t, func() { dir = buildForWindows(t, packages) })
	for _, path := range packages {
		t.Run(path, func(t *testing.T) { w.test(t, dir, path) })
	}
	t.Run("killed caller", func(t *testing.T) { w.testKilledCaller(t, dir) })
	for _, keystore := range []string{"wincred", "file"} {
		t.Run("FORCECRED_KEYSTORE="+keystore, func(t *testing.T) {
			env := slices.Concat(w.env, []string{"FORCECRED_KEYSTORE=" + keystore, "FORCECRED_KEYRING_TIMEOUT=2m"}) // enough for a slow machine
			p := rig.Program{Argv: []string{"wine", filepath.Join(dir, "forcecred.exe")}, Drive: "Z:"}
			r := rig.NewWith(t, p, filepath.Join(t.TempDir(), "home"), orgtest.Config{Rotate: true}, env...)
			t.Cleanup(func() { r.Run(context.Background(), "", "erase", "prod") })
			if keystore == "wincred" {
				r.WantDetected(t, keystore)
			}
			r.ExerciseKeystore(t)
		})
	}
}

// testKilledCaller kills the process that a caller started while the refresh token is
// on its way: its worker saves the next one.
func (w *wine) testKilledCaller(t *testing.T, dir string) {
	t.Helper()
	p := rig.Program{Argv: []string{"wine", filepath.Join(dir, "forcecred.exe")}, Drive: "Z:"}
	r := rig.NewWith(t, p, filepath.Join(t.TempDir(), "home"), orgtest.Config{Rotate: true, Delay: 2 * time.Second}, slices.Concat(w.env, []string{"FORCECRED_KEYSTORE=file"})...)
	cmd := r.Command(t.Context(), "get", "prod")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.AwaitTokenRequests(t, 1)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if r.Org.Commits() != 0 {
		t.Error("the org had answered before the process was killed")
	}
	if got := r.Run(t.Context(), "", "get", "prod"); got.Token(t) != r.Org.AccessToken() || r.Org.Count(orgtest.Token) != 1 {
		t.Errorf("%d token requests, want 1: the worker's answer is lost", r.Org.Count(orgtest.Token))
	}
}

// test runs the tests of a package, which are in dir.
func (w *wine) test(t *testing.T, dir, path string) {
	t.Helper()
	expect := onWindows[path]
	cmd := w.command("wine", filepath.Join(dir, filepath.Base(path)+".test.exe"), "-test.v", "-test.timeout=10m", "-test.skip="+expect.omit)
	cmd.Dir = filepath.Join("..", "..", strings.TrimPrefix(path, "forcecred/"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var passed []string
	for _, m := range outcome.FindAllStringSubmatch(string(out), -1) {
		switch {
		case m[1] == "PASS":
			passed = append(passed, m[2])
		case expect.may == "" || !regexp.MustCompile(expect.may).MatchString(m[2]):
			t.Errorf("%s: %s", m[1], m[2])
		}
	}
	for _, name := range expect.must {
		if !slices.Contains(passed, name) {
			t.Errorf("%s did not run", name)
		}
	}
	if len(passed) == 0 {
		t.Error("no test ran")
	}
	t.Logf("%d tests passed", len(passed))
}
