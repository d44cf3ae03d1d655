package callers

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// script runs lines of a document in a shell with forcecred on PATH.
func script(t *testing.T, r *rig.Rig, dir, lines string, shell ...string) rig.Result {
	t.Helper()
	rig.NeedTool(t, shell[0])
	cmd := exec.CommandContext(t.Context(), shell[0], shell[1:]...)
	cmd.Env = append(r.Env, "PATH="+filepath.Dir(rig.Binary)+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(lines)
	return rig.Finish(cmd)
}

// TestDocumentedCommands runs the document's examples of `run`, with a script for the
// report.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{})
	dir := t.TempDir()
	report := "#!/bin/sh\necho \"${TOKEN-$SF_ACCESS_TOKEN} ${URL-$SF_ORG_INSTANCE_URL}\"\n"
	if err := os.WriteFile(filepath.Join(dir, "nightly-report"), []byte(report), 0o700); err != nil {
		t.Fatal(err)
	}
	got := script(t, r, dir, rig.CallerExample(t, "commands"), "sh", "-e")
	line := r.Org.AccessToken() + " " + r.Org.URL + "\n"
	if got.Status != 0 || got.Stderr != "" || got.Stdout != line+line {
		t.Errorf("status %d: %s", got.Status, got.Stderr)
	}
}

// TestDocumentedCurl calls the org's REST API, which accepts only the newest token.
func TestDocumentedCurl(t *testing.T) {
	t.Parallel()
	rig.NeedTool(t, "curl")
	version, err := exec.Command("curl", "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", strings.SplitN(string(version), "\n", 2)[0])
	r := rig.New(t, orgtest.Config{})
	for _, pair := range r.Env {
		if ca, ok := strings.CutPrefix(pair, "FORCECRED_CA_FILE="); ok {
			r.Env = append(r.Env, "CURL_CA_BUNDLE="+ca)
		}
	}
	lines := strings.Replace(rig.CallerExample(t, "curl"), "https://acme.my.salesforce.com", r.Org.URL, 1)
	if got := script(t, r, t.TempDir(), lines, "sh", "-e"); got.Status != 0 || got.Stderr != "" || !strings.Contains(got.Stdout, `"url":"/services/data/`) {
		t.Errorf("status %d: %s%s", got.Status, got.Stdout, got.Stderr)
	}
	r.Org.ExpireSessions()
	if got := script(t, r, t.TempDir(), lines, "sh", "-e"); got.Status != 22 {
		t.Errorf("with a token that the org has ended: status %d, want curl's 22", got.Status)
	}
}

// TestDocumentedShells runs the example for each shell. An example fails if forcecred
// fails.
func TestDocumentedShells(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{})
	want := r.Run(t.Context(), "", "get", "prod").Token(t) + " " + r.Org.URL + "\n"
	for _, tt := range []struct {
		block string
		shell []string
	}{
		{"sh", []string{"sh"}},
		{"sh", []string{"bash"}},
		{"sh", []string{"zsh", "-f"}},
		{"fish", []string{"fish", "--no-config"}},
	} {
		t.Run(tt.shell[0], func(t *testing.T) {
			t.Parallel()
			lines := rig.CallerExample(t, tt.block)
			const echo = `printenv SF_ACCESS_TOKEN SF_ORG_INSTANCE_URL | paste -sd " " -` + "\n"
			if got := script(t, r, t.TempDir(), lines+echo, tt.shell...); got.Status != 0 || got.Stderr != "" || got.Stdout != want {
				t.Errorf("status %d: %s%s", got.Status, got.Stdout, got.Stderr)
			}
			if tt.block != "sh" {
				return
			}
			lines = strings.Replace(lines, "prod", "nosuch", 1)
			if got := script(t, r, t.TempDir(), lines, tt.shell...); got.Status != 4 {
				t.Errorf("of an org that is not there: status %d, want 4: %s", got.Status, got.Stderr)
			}
		})
	}
}

// TestDocumentedNames makes a link on PATH as the document says, and git finds it.
func TestDocumentedNames(t *testing.T) {
	t.Parallel()
	rig.Need(t, runtime.GOOS != "windows", "the lines are for a shell of Unix")
	r := newGitRig(t, orgtest.Config{})
	home := t.TempDir()
	bin := filepath.Join(home, ".local", "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	path := bin + string(os.PathListSeparator) + os.Getenv("PATH")
	r.Env = append(r.Env, "HOME="+home, "PATH="+path+string(os.PathListSeparator)+filepath.Dir(rig.Binary))
	made := exec.CommandContext(t.Context(), "sh", "-e")
	made.Env, made.Stdin = r.Env, strings.NewReader(rig.CallerExample(t, "names"))
	if got := rig.Finish(made); got.Status != 0 || got.Stderr != "" || !strings.Contains(got.Stdout, "made git-credential-forcecred\n") {
		t.Fatalf("status %d: %s%s", got.Status, got.Stdout, got.Stderr)
	}
	config := strings.Replace(rig.CallerExample(t, "git-name"), "https://*.my.salesforce.com", r.Org.URL, 1)
	if err := os.WriteFile(r.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	r.Env = append(r.Env, "PATH="+path) // git finds the link, not forcecred
	got := r.git(t, place(r.Rig), "credential", "fill")
	if got.Status != 0 || got.Stderr != savesWarning || attributes(got.Stdout)["password"] != r.Org.AccessToken() {
		t.Errorf("fill: status %d: %s", got.Status, got.Stderr)
	}
}
