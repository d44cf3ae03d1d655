package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"forcecred/internal/orgtest"
)

// script runs lines of a document in a shell that finds forcecred on PATH.
func (r *rig) script(t *testing.T, dir, lines string, shell ...string) result {
	t.Helper()
	needTool(t, shell[0])
	cmd := exec.CommandContext(t.Context(), shell[0], shell[1:]...)
	cmd.Env = append(r.env, "PATH="+filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(lines)
	return finish(cmd)
}

// TestPastedCommands runs what the document shows of `run`, with a report of its own.
func TestPastedCommands(t *testing.T) {
	t.Parallel()
	r := newRig(t, orgtest.Config{})
	dir := t.TempDir()
	report := "#!/bin/sh\necho \"${TOKEN-$SF_ACCESS_TOKEN} ${URL-$SF_ORG_INSTANCE_URL}\"\n"
	if err := os.WriteFile(filepath.Join(dir, "nightly-report"), []byte(report), 0o700); err != nil {
		t.Fatal(err)
	}
	got := r.script(t, dir, pasted(t, "commands"), "sh", "-e")
	line := r.org.AccessToken() + " " + r.org.URL + "\n"
	if got.status != 0 || got.stderr != "" || got.stdout != line+line {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
}

// TestPastedCurl asks the org's REST API, which refuses what is not its newest token.
func TestPastedCurl(t *testing.T) {
	t.Parallel()
	needTool(t, "curl")
	version, err := exec.Command("curl", "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", strings.SplitN(string(version), "\n", 2)[0])
	r := newRig(t, orgtest.Config{})
	for _, pair := range r.env {
		if ca, ok := strings.CutPrefix(pair, "FORCECRED_CA_FILE="); ok {
			r.env = append(r.env, "CURL_CA_BUNDLE="+ca)
		}
	}
	lines := strings.Replace(pasted(t, "curl"), "https://acme.my.salesforce.com", r.org.URL, 1)
	if got := r.script(t, t.TempDir(), lines, "sh", "-e"); got.status != 0 || got.stderr != "" || !strings.Contains(got.stdout, `"url":"/services/data/`) {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	r.org.ExpireSessions()
	if got := r.script(t, t.TempDir(), lines, "sh", "-e"); got.status != 22 {
		t.Errorf("with a token that the org has ended: status %d, want curl's 22", got.status)
	}
}

// TestPastedShells has each shell read the lines that are for it, and those
// fail where forcecred does.
func TestPastedShells(t *testing.T) {
	t.Parallel()
	r := newRig(t, orgtest.Config{})
	want := r.run(t.Context(), "", "get", "prod").token(t) + " " + r.org.URL + "\n"
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
			lines := pasted(t, tt.block)
			const echo = `printenv SF_ACCESS_TOKEN SF_ORG_INSTANCE_URL | paste -sd " " -` + "\n"
			if got := r.script(t, t.TempDir(), lines+echo, tt.shell...); got.status != 0 || got.stderr != "" || got.stdout != want {
				t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
			}
			if tt.block != "sh" {
				return
			}
			lines = strings.Replace(lines, "prod", "nosuch", 1)
			if got := r.script(t, t.TempDir(), lines, tt.shell...); got.status != 4 {
				t.Errorf("of an org that is not there: status %d, want 4: %s", got.status, got.stderr)
			}
		})
	}
}

// TestPastedNames has git find a link on PATH that the document says how to make.
func TestPastedNames(t *testing.T) {
	t.Parallel()
	need(t, runtime.GOOS != "windows", "the lines are for a shell of Unix")
	r := newGitRig(t, orgtest.Config{})
	home := t.TempDir()
	bin := filepath.Join(home, ".local", "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	path := bin + string(os.PathListSeparator) + os.Getenv("PATH")
	r.env = append(r.env, "HOME="+home, "PATH="+path+string(os.PathListSeparator)+filepath.Dir(binary))
	made := exec.CommandContext(t.Context(), "sh", "-e")
	made.Env, made.Stdin = r.env, strings.NewReader(pasted(t, "names"))
	if got := finish(made); got.status != 0 || got.stderr != "" || !strings.Contains(got.stdout, "made git-credential-forcecred\n") {
		t.Fatalf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	config := strings.Replace(pasted(t, "git-name"), "https://*.my.salesforce.com", r.org.URL, 1)
	if err := os.WriteFile(r.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	r.env = append(r.env, "PATH="+path) // git finds the link alone
	got := r.git(t, r.place(), "credential", "fill")
	if got.status != 0 || got.stderr != savesWarning || attributes(got.stdout)["password"] != r.org.AccessToken() {
		t.Errorf("fill: status %d: %s", got.status, got.stderr)
	}
}
