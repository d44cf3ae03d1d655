//go:build unix

package docs

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// ciRig is a rig for a CI job, with the job's working directory.
type ciRig struct {
	*rig.Rig
	dir string
}

// newCIRig returns a rig whose job has a key, a secret, and a deployment script that prints
// its token.
func newCIRig(t *testing.T) ciRig {
	t.Helper()
	for _, tool := range []string{"bash", "jq"} {
		rig.NeedTool(t, tool)
	}
	r := ciRig{rig.New(t, orgtest.Config{AppKey: rig.AppKey(t).Public, RunAs: true, ClientSecret: "test-client-secret-0001", Username: "ci@acme.com"}), t.TempDir()}
	r.write(t, "ci.key", rig.AppKey(t).PEM, 0o600)
	r.write(t, "ci.secret", r.Org.ClientSecret()+"\n", 0o600)
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

// bash runs a script of docs/ci.md with the org's address, and with the variables of env.
func (r ciRig) bash(t *testing.T, script string, env ...string) rig.Result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-eu", "-o", "pipefail", "-c", r.ours(script))
	cmd.Dir = r.dir
	cmd.Env = append(append(r.Env, "PATH="+filepath.Dir(rig.Binary)+string(os.PathListSeparator)+os.Getenv("PATH")), env...)
	return rig.Finish(cmd)
}

func (r ciRig) ours(text string) string {
	return strings.NewReplacer("https://acme.my.salesforce.com", r.Org.URL, "/etc/forcecred/", r.dir+"/").Replace(text)
}

// wantDeployed checks that a deployment got the org's newest token, and that no output
// shows the key.
func (r ciRig) wantDeployed(t *testing.T, got rig.Result) {
	t.Helper()
	if got.Status != 0 || strings.TrimSpace(got.Stdout) != r.Org.AccessToken() || r.Org.Count(orgtest.Token) == 0 {
		t.Fatalf("status %d, %d token requests: %s", got.Status, r.Org.Count(orgtest.Token), got.Stderr)
	}
	if rig.ShowsSecret(got.Stderr, append(rig.AppKey(t).Lines(), r.Org.Secrets()...)) {
		t.Error("stderr shows a secret")
	}
	if err := rig.FindSecrets(r.Home, rig.AppKey(t).Lines()); err != nil {
		t.Error(err)
	}
}

// pastedCI returns a block of docs/ci.md.
func pastedCI(t *testing.T, name string) string {
	t.Helper()
	return rig.DocExample(t, "../../docs/ci.md", name)
}

// steps returns the shell scripts that follow a key in a YAML block, without YAML's
// indentation.
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
			if got := r.bash(t, pastedCI(t, name)); got.Status != 0 {
				t.Fatalf("%s: status %d: %s", name, got.Status, got.Stderr)
			}
			r.wantDeployed(t, r.bash(t, "forcecred run ci -- ./deploy"))
		}
	})
	t.Run("key", func(t *testing.T) {
		t.Parallel()
		rig.NeedTool(t, "openssl")
		r := newCIRig(t)
		if got := r.bash(t, pastedCI(t, "key")); got.Status != 0 {
			t.Fatalf("status %d: %s", got.Status, got.Stderr)
		}
		// A valid key of another app.
		got := r.bash(t, pastedCI(t, "try"))
		if got.Status != 8 || !strings.Contains(got.Stderr, "invalid assertion") {
			t.Errorf("status %d: %s", got.Status, got.Stderr)
		}
		if info, err := os.Stat(filepath.Join(r.dir, "ci.key")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the key's mode: %v, %v", info, err)
		}
	})
	t.Run("GitHub", func(t *testing.T) {
		t.Parallel()
		r := newCIRig(t)
		var got rig.Result
		for _, script := range steps(t, pastedCI(t, "github"), "- run:") {
			script = strings.NewReplacer("${{ secrets.SF_PRIVATE_KEY }}", strings.TrimSpace(rig.AppKey(t).PEM), "${{ vars.SF_CLIENT_ID }}", r.Org.ClientID()).Replace(script)
			if got = r.bash(t, script, "RUNNER_TEMP="+r.dir); got.Status != 0 {
				t.Fatalf("status %d: %s", got.Status, got.Stderr)
			}
		}
		r.wantDeployed(t, got)
	})
	t.Run("GitLab", func(t *testing.T) {
		t.Parallel()
		r := newCIRig(t)
		file := r.write(t, "variable", rig.AppKey(t).PEM, 0o666) // the mode that the runner sets
		_, script, _ := strings.Cut(pastedCI(t, "gitlab"), "script:\n")
		got := r.bash(t, strings.Join(append(steps(t, script, "-"), ""), "\n"), "SF_PRIVATE_KEY="+file, "SF_CLIENT_ID="+r.Org.ClientID())
		r.wantDeployed(t, got)
	})
	t.Run("Kubernetes", func(t *testing.T) {
		t.Parallel()
		r := newCIRig(t)
		r.write(t, "ci.json", r.ours(pastedCI(t, "kubernetes-request")), 0o400)
		if os.Geteuid() == 0 { // the mode that fsGroup sets
			r.write(t, "ci.key", rig.AppKey(t).PEM, 0o440)
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
		if err := json.Unmarshal([]byte(credential.Stdout), &request); err != nil || request["private_key"] != rig.AppKey(t).PEM {
			t.Fatalf("the credential is no request: %v: %s", err, credential.Stderr)
		}
		r.write(t, "salesforce", credential.Stdout, 0o440)
		var got rig.Result
		for _, line := range regexp.MustCompile(`(?m)^ExecStart(?:Pre)?=/bin/sh -c '(.*)'$`).FindAllStringSubmatch(pastedCI(t, "systemd"), -1) {
			if got = r.bash(t, line[1], "CREDENTIALS_DIRECTORY="+r.dir); got.Status != 0 {
				t.Fatalf("status %d: %s", got.Status, got.Stderr)
			}
		}
		r.wantDeployed(t, got)
	})
}
