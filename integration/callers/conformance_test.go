package callers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// conformance is the built integration/conformance command.
var conformance = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(rig.Binary), "conformance")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	return path, exec.Command("go", "build", "-o", path, "forcecred/integration/conformance").Run()
})

// conform runs a dialect's cases on a helper, and returns the names of the failed cases.
func conform(t *testing.T, env []string, dialect string, args ...string) (deviations []string) {
	t.Helper()
	path, err := conformance()
	if err != nil {
		t.Fatalf("build the conformance suite: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), path, append([]string{"-dialect", dialect}, args...)...)
	cmd.Env = env
	got := rig.Finish(cmd)
	if got.Status != 0 && got.Status != 1 {
		t.Fatalf("status %d: %s", got.Status, got.Stderr)
	}
	var report strings.Builder // of the failed cases
	deviates := false
	for line := range strings.Lines(got.Stdout) {
		if !strings.HasPrefix(line, " ") {
			var name string
			if name, deviates = strings.CutPrefix(strings.TrimSpace(line), "DEVIATES  "+dialect+"/"); deviates {
				deviations = append(deviations, name)
			}
		}
		if deviates {
			report.WriteString(line)
		}
	}
	last := strings.TrimSpace(got.Stdout[strings.LastIndex(strings.TrimSpace(got.Stdout), "\n")+1:])
	t.Logf("%s\n%s", last, report.String())
	return deviations
}

// TestConformance runs the suite for credential helpers on forcecred.
func TestConformance(t *testing.T) {
	t.Parallel()
	for _, dialect := range []string{"git", "docker", "bazel", "kubernetes", "headers"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			r := rig.New(t, orgtest.Config{Rotate: true})
			args := []string{"-known", r.Org.URL, "--", rig.Binary, dialect}
			if dialect == "kubernetes" || dialect == "headers" {
				args = []string{"-known", "prod", "-unknown", "nosuch", "--", rig.Binary, dialect}
			}
			// The first answer to git comes with a warning.
			if got := r.Run(t.Context(), place(r)+"\n", "git", "get"); got.Status != 0 || got.Stderr != savesWarning {
				t.Fatalf("status %d: %s", got.Status, got.Stderr)
			}
			if deviations := conform(t, r.Env, dialect, args...); len(deviations) > 0 {
				t.Errorf("forcecred %s deviates: %q", dialect, deviations)
			}
			if posts := r.Org.Count(orgtest.Token); posts != 1 {
				t.Errorf("%d token requests, want 1", posts)
			}
		})
	}
}

// TestConformanceOfOthers runs the suite on helpers of other projects, so that it does not
// just mirror forcecred. They pass the vital cases. The others that they fail are logged,
// and listed in docs/conformance.md.
func TestConformanceOfOthers(t *testing.T) {
	t.Parallel()
	vital := func(t *testing.T, deviations []string, names ...string) {
		t.Helper()
		for _, name := range names {
			if slices.Contains(deviations, name) {
				t.Errorf("%s deviates", name)
			}
		}
	}
	const known = "https://git.example.com"
	t.Run("git credential-store", func(t *testing.T) {
		t.Parallel()
		rig.NeedTool(t, "git")
		file := filepath.Join(t.TempDir(), "credentials")
		rig.WriteFile(t, file, []byte("https://me:test-password-0001@git.example.com\n"))
		t.Logf("%s", rig.Finish(exec.Command("git", "version")).Stdout)
		vital(t, conform(t, os.Environ(), "git", "-known", known, "--", "git", "credential-store", "--file", file),
			"get-known", "get-known-eof", "get-unknown", "get-lookalike", "get-other-port", "get-http", "store")
	})
	t.Run("git credential-cache", func(t *testing.T) {
		t.Parallel()
		rig.NeedTool(t, "git")
		rig.Need(t, runtime.GOOS != "windows", "git's cache wants a Unix socket")
		dir, err := os.MkdirTemp("", "gitcache") // short enough for the path of a socket
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		helper := []string{"credential-cache", "--timeout", "600", "--socket", filepath.Join(dir, "private", "socket")}
		if err := os.Mkdir(filepath.Join(dir, "private"), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = exec.Command("git", append(helper, "exit")...).Run() }) // its daemon, which also ends by itself
		store := exec.Command("git", append(helper, "store")...)
		store.Stdin = strings.NewReader("protocol=https\nhost=git.example.com\nusername=me\npassword=test-password-0001\n\n")
		if got := rig.Finish(store); got.Status != 0 {
			t.Fatalf("store: status %d: %s", got.Status, got.Stderr)
		}
		vital(t, conform(t, os.Environ(), "git", append([]string{"-known", known, "--", "git"}, helper...)...),
			"get-known", "get-known-eof", "get-unknown", "get-lookalike", "get-other-port", "get-http", "store")
	})
	t.Run("docker-credential-pass", func(t *testing.T) {
		t.Parallel()
		rig.NeedTool(t, "docker-credential-pass")
		env := passStore(t, "docker-credential-pass")
		t.Logf("docker-credential-pass %s", rig.Finish(exec.Command("docker-credential-pass", "version")).Stdout)
		vital(t, conform(t, env, "docker", "-known", known, "--", "docker-credential-pass"),
			"get-known", "get-empty", "list", "store-no-server", "store-no-user")
	})
	t.Run("docker-credential-pass of docker's newest module", func(t *testing.T) {
		t.Parallel()
		helper := filepath.Join(t.TempDir(), "docker-credential-pass")
		const module = "github.com/docker/docker-credential-helpers"
		out, err := exec.CommandContext(t.Context(), "go", "-C", "../thirdparty/docker", "build", "-o", helper,
			"-ldflags=-X "+module+"/credentials.Name=docker-credential-pass", module+"/pass/cmd").CombinedOutput()
		rig.Need(t, err == nil, fmt.Sprintf("docker's module can't be had: %v\n%s", err, rig.Tail(out)))
		env := passStore(t, helper)
		// The cases were written after this helper.
		if deviations := conform(t, env, "docker", "-known", known, "--", helper); len(deviations) > 0 {
			t.Errorf("docker's own helper deviates: %q", deviations)
		}
	})
}

// passStore makes a password store with credentials for https://git.example.com, and
// returns the environment that selects it.
func passStore(t *testing.T, helper string) (env []string) {
	t.Helper()
	rig.NeedTool(t, "pass")
	rig.NeedTool(t, "gpg")
	home, err := os.MkdirTemp("", "pass") // short enough for the sockets of gpg-agent
	if err != nil {
		t.Fatal(err)
	}
	env = append(os.Environ(), "HOME="+home, "GNUPGHOME="+home+"/gnupg", "PASSWORD_STORE_DIR="+home+"/store")
	t.Cleanup(func() {
		stop := exec.Command("gpgconf", "--kill", "all")
		stop.Env = env
		_ = stop.Run() // best effort: an agent without its folder ends by itself
		os.RemoveAll(home)
	})
	if err := os.Mkdir(home+"/gnupg", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		stdin   string
		command []string
	}{
		{"", strings.Fields("gpg --batch --quiet --passphrase= --quick-generate-key test@forcecred.invalid default default never")},
		{"", strings.Fields("pass init test@forcecred.invalid")},
		{`{"ServerURL":"https://git.example.com","Username":"me","Secret":"test-password-0001"}`, []string{helper, "store"}},
	} {
		cmd := exec.CommandContext(t.Context(), step.command[0], step.command[1:]...)
		cmd.Env, cmd.Stdin = env, strings.NewReader(step.stdin)
		if got := rig.Finish(cmd); got.Status != 0 {
			t.Fatalf("%s: status %d: %s%s", step.command[0], got.Status, got.Stdout, got.Stderr)
		}
	}
	return env
}
