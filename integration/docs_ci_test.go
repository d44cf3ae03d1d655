//go:build unix

package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"forcecred/internal/orgtest"
)

// ciRig is an org, a home, and a folder with what a job finds there.
type ciRig struct {
	*rig
	dir string
}

// newCIRig returns a rig whose job has a key, a secret, and a deployment that
// prints the token which it is given.
func newCIRig(t *testing.T) ciRig {
	t.Helper()
	for _, tool := range []string{"bash", "jq"} {
		needTool(t, tool)
	}
	r := ciRig{newRig(t, orgtest.Config{AppKey: appKey(t).Public, RunAs: true, ClientSecret: "test-client-secret-0001", Username: "ci@acme.com"}), t.TempDir()}
	r.write(t, "ci.key", appKey(t).PEM, 0o600)
	r.write(t, "ci.secret", r.org.ClientSecret()+"\n", 0o600)
	r.write(t, "deploy", "#!/bin/sh\necho \"$SF_ACCESS_TOKEN\"\n", 0o700)
	return r
}

func (r ciRig) write(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// bash runs what docs/ci.md says, with the org's own address, and env set besides.
func (r ciRig) bash(t *testing.T, script string, env ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-eu", "-o", "pipefail", "-c", r.ours(script))
	cmd.Dir = r.dir
	cmd.Env = append(append(r.env, "PATH="+filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("PATH")), env...)
	return finish(cmd)
}

func (r ciRig) ours(text string) string {
	return strings.NewReplacer("https://acme.my.salesforce.com", r.org.URL, "/etc/forcecred/", r.dir+"/").Replace(text)
}

// wantDeployed checks that a deployment was given the org's newest token, and that
// nothing showed the key.
func (r ciRig) wantDeployed(t *testing.T, got result) {
	t.Helper()
	if got.status != 0 || strings.TrimSpace(got.stdout) != r.org.AccessToken() || r.org.Count(orgtest.Token) == 0 {
		t.Fatalf("status %d, %d token requests: %s", got.status, r.org.Count(orgtest.Token), got.stderr)
	}
	if shows(got.stderr, append(appKey(t).Lines(), r.org.Secrets()...)) {
		t.Error("stderr shows a secret")
	}
	if err := sweep(r.home, appKey(t).Lines()); err != nil {
		t.Error(err)
	}
}

// pastedCI returns a block of docs/ci.md.
func pastedCI(t *testing.T, name string) string {
	t.Helper()
	return block(t, "../docs/ci.md", name)
}

// steps returns the shell scripts of a YAML block that follow a key, each without
// the indentation that YAML takes away.
func steps(t *testing.T, yaml, key string) []string {
	t.Helper()
	var scripts []string
	lines := strings.Split(yaml, "\n")
	for i := 0; i < len(lines); i++ {
		text := strings.TrimLeft(lines[i], " ")
		indent := len(lines[i]) - len(text)
		switch {
		case text == key+" |":
			var script []string
			for i++; i < len(lines) && (strings.TrimSpace(lines[i]) == "" || len(lines[i])-len(strings.TrimLeft(lines[i], " ")) > indent); i++ {
				script = append(script, lines[i])
			}
			i--
			scripts = append(scripts, dedent(script))
		case strings.HasPrefix(text, key+" ") && !strings.HasSuffix(text, ":"):
			scripts = append(scripts, strings.TrimPrefix(text, key+" "))
		}
	}
	if len(scripts) == 0 {
		t.Fatalf("there is no %s", key)
	}
	return scripts
}

func dedent(lines []string) string {
	indent := len(lines[0]) - len(strings.TrimLeft(lines[0], " "))
	for i := range lines {
		lines[i] = lines[i][min(indent, len(lines[i])):]
	}
	return strings.Join(lines, "\n")
}

func TestDocsCI(t *testing.T) {
	t.Parallel()
	t.Run("set up", func(t *testing.T) {
		t.Parallel()
		r := newCIRig(t)
		for _, name := range []string{"try", "try-client"} {
			if got := r.bash(t, pastedCI(t, name)); got.status != 0 {
				t.Fatalf("%s: status %d: %s", name, got.status, got.stderr)
			}
			r.wantDeployed(t, r.bash(t, "forcecred run ci -- ./deploy"))
		}
	})
	t.Run("key", func(t *testing.T) {
		t.Parallel()
		needTool(t, "openssl")
		r := newCIRig(t)
		if got := r.bash(t, pastedCI(t, "key")); got.status != 0 {
			t.Fatalf("status %d: %s", got.status, got.stderr)
		}
		// A key that the app does not know: it is a key, and is refused as not the app's.
		got := r.bash(t, pastedCI(t, "try"))
		if got.status != 8 || !strings.Contains(got.stderr, "invalid assertion") {
			t.Errorf("status %d: %s", got.status, got.stderr)
		}
		if info, err := os.Stat(filepath.Join(r.dir, "ci.key")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the key's mode: %v, %v", info, err)
		}
	})
	t.Run("GitHub", func(t *testing.T) {
		t.Parallel()
		r := newCIRig(t)
		var got result
		for _, script := range steps(t, pastedCI(t, "github"), "- run:") {
			script = strings.NewReplacer("${{ secrets.SF_PRIVATE_KEY }}", strings.TrimSpace(appKey(t).PEM), "${{ vars.SF_CLIENT_ID }}", r.org.ClientID()).Replace(script)
			if got = r.bash(t, script, "RUNNER_TEMP="+r.dir); got.status != 0 {
				t.Fatalf("status %d: %s", got.status, got.stderr)
			}
		}
		r.wantDeployed(t, got)
	})
	t.Run("GitLab", func(t *testing.T) {
		t.Parallel()
		r := newCIRig(t)
		file := r.write(t, "variable", appKey(t).PEM, 0o666) // as the runner leaves it
		_, script, _ := strings.Cut(pastedCI(t, "gitlab"), "script:\n")
		got := r.bash(t, strings.Join(append(steps(t, script, "-"), ""), "\n"), "SF_PRIVATE_KEY="+file, "SF_CLIENT_ID="+r.org.ClientID())
		r.wantDeployed(t, got)
	})
	t.Run("Kubernetes", func(t *testing.T) {
		t.Parallel()
		r := newCIRig(t)
		r.write(t, "ci.json", r.ours(pastedCI(t, "kubernetes-request")), 0o400)
		if os.Geteuid() == 0 { // as fsGroup leaves it
			r.write(t, "ci.key", appKey(t).PEM, 0o440)
		}
		_, args, _ := strings.Cut(pastedCI(t, "kubernetes"), "args:\n")
		r.wantDeployed(t, r.bash(t, steps(t, args, "-")[0]))
	})
	t.Run("systemd", func(t *testing.T) {
		t.Parallel()
		r := newCIRig(t)
		encrypt, _, _ := strings.Cut(pastedCI(t, "systemd-encrypt"), "|\n  systemd-creds")
		credential := r.bash(t, encrypt)
		var request map[string]string
		if err := json.Unmarshal([]byte(credential.stdout), &request); err != nil || request["private_key"] != appKey(t).PEM {
			t.Fatalf("the credential is no request: %v: %s", err, credential.stderr)
		}
		r.write(t, "salesforce", credential.stdout, 0o440)
		var got result
		for _, line := range regexp.MustCompile(`(?m)^ExecStart(?:Pre)?=/bin/sh -c '(.*)'$`).FindAllStringSubmatch(pastedCI(t, "systemd"), -1) {
			if got = r.bash(t, line[1], "CREDENTIALS_DIRECTORY="+r.dir); got.status != 0 {
				t.Fatalf("status %d: %s", got.status, got.stderr)
			}
		}
		r.wantDeployed(t, got)
	})
}
