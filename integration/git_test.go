package integration

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"forcecred/internal/orgtest"
)

// gitRig is a rig whose org is asked by the git of this machine.
type gitRig struct {
	*rig
	config string // of git, which names forcecred as the helper of the org's host
}

func newGitRig(t *testing.T, cfg orgtest.Config) *gitRig {
	t.Helper()
	needTool(t, "git")
	r := &gitRig{rig: newRig(t, cfg)}
	place := r.org.URL
	if cfg.InstanceURL != "" {
		place = cfg.InstanceURL
	}
	r.config = filepath.Join(t.TempDir(), "gitconfig")
	r.env = append(r.env, "GIT_CONFIG_GLOBAL="+r.config, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=",
		"PATH="+filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("PATH"))
	config := strings.Replace(pasted(t, "git"), "https://*.my.salesforce.com", place, 1)
	if err := os.WriteFile(r.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

// git runs git and returns what came of it.
func (r *gitRig) git(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Env = r.env
	cmd.Stdin = strings.NewReader(stdin)
	return finish(cmd)
}

// place is how git speaks of the org's host.
func (r *rig) place() string {
	return "protocol=https\nhost=" + strings.TrimPrefix(r.org.URL, "https://") + "\n"
}

// attributes reads lines of KEY=VALUE.
func attributes(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		all[key] = value
	}
	return all
}

// savesWarning is what comes once, when git takes a token as a password.
const savesWarning = "forcecred: warning: git hands this token to all of its credential helpers, as a password, and the helper store saves it as plain text;" +
	" an empty line `helper =` above forcecred's in git's configuration prevents that (see docs/callers.md, git). This warning comes once\n"

// TestGit lets git ask, approve and reject.
func TestGit(t *testing.T) {
	t.Parallel()
	r := newGitRig(t, orgtest.Config{Rotate: true})
	t.Logf("%s", r.git(t, "", "version").stdout)
	got := r.git(t, r.place(), "credential", "fill")
	answer := attributes(got.stdout)
	if got.status != 0 || got.stderr != savesWarning || answer["password"] != r.org.AccessToken() || answer["username"] != "prod" {
		t.Fatalf("fill: status %d: %s", got.status, got.stderr)
	}
	// What git is told to store is ours already, and nothing of it is kept elsewhere.
	if got := r.git(t, got.stdout, "credential", "approve"); got.status != 0 || got.stdout+got.stderr != "" {
		t.Errorf("approve: status %d: %s", got.status, got.stderr)
	}
	if again := r.git(t, r.place(), "credential", "fill"); again.stdout != got.stdout || again.stderr != "" || r.org.Count(orgtest.Token) != 1 {
		t.Errorf("the second fill is not from the cache: %d token requests: %s", r.org.Count(orgtest.Token), again.stderr)
	}
	// A refused token is replaced, by the one who finds it refused.
	if got := r.git(t, got.stdout, "credential", "reject"); got.status != 0 || got.stdout+got.stderr != "" {
		t.Errorf("reject: status %d: %s", got.status, got.stderr)
	}
	if got := r.git(t, got.stdout, "credential", "reject"); got.status != 0 {
		t.Errorf("reject once more: status %d: %s", got.status, got.stderr)
	}
	fresh := attributes(r.git(t, r.place(), "credential", "fill").stdout)
	if fresh["password"] == answer["password"] || fresh["password"] != r.org.AccessToken() || r.org.Count(orgtest.Token) != 2 {
		t.Errorf("after a refusal: %d token requests, want 2", r.org.Count(orgtest.Token))
	}
	// The grant is erased by nobody's word but `forcecred erase`.
	if got := r.git(t, r.place(), "credential", "reject"); got.status != 0 {
		t.Errorf("reject without a token: status %d: %s", got.status, got.stderr)
	}
	if posts := r.org.Count(orgtest.Token); r.run(t.Context(), "", "get", "prod").token(t) != fresh["password"] || posts != 2 {
		t.Error("a word of git's has dropped more than it told of")
	}
}

// TestGitCrowd: a hundred gits that find the token expired cause one refresh.
func TestGitCrowd(t *testing.T) {
	t.Parallel()
	r := newGitRig(t, orgtest.Config{Rotate: true, Delay: 100 * time.Millisecond})
	// Where the org is, is known by now; its token is not any more.
	if got := r.run(t.Context(), "", "get", "prod"); got.status != 0 {
		t.Fatal(got.stderr)
	}
	r.git(t, r.place()+"username=prod\npassword="+r.org.AccessToken()+"\n", "credential", "reject")
	var mu sync.Mutex
	var all sync.WaitGroup
	var passwords []string
	for range crowdSize {
		all.Go(func() {
			got := r.git(t, r.place(), "credential", "fill")
			mu.Lock()
			defer mu.Unlock()
			passwords = append(passwords, attributes(got.stdout)["password"])
		})
	}
	all.Wait()
	wantOne(t, "prod", passwords, r.org.AccessToken(), crowdSize)
	if posts := r.org.Count(orgtest.Token); posts != 2 {
		t.Errorf("%d token requests, want 2: the first get's and one for all", posts)
	}
	t.Logf("%d `git credential fill` at once on an expired token: 1 token request", crowdSize)
}

// repository serves an empty repository at /repo.git, by git's own program for that.
func repository(t *testing.T) http.Handler {
	t.Helper()
	needTool(t, "git")
	execPath, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := filepath.Join(strings.TrimSpace(string(execPath)), "git-http-backend")
	_, err = os.Stat(backend)
	need(t, err == nil, "git has no http backend")
	root := t.TempDir()
	if out, err := exec.Command("git", "init", "--quiet", "--bare", filepath.Join(root, "repo.git")).CombinedOutput(); err != nil {
		t.Fatalf("git init: %v: %s", err, out)
	}
	return &cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"}}
}

// TestGitRemote clones from a server behind the org's token, which refuses the
// first one that it sees.
func TestGitRemote(t *testing.T) {
	t.Parallel()
	serve := repository(t)
	var r *gitRig
	var stale string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, password, _ := req.BasicAuth()
		if password == "" || password != r.org.AccessToken() || password == stale {
			w.Header().Set("Www-Authenticate", `Basic realm="acme"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		serve.ServeHTTP(w, req)
	}))
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, certificatePEM(server.Certificate()), 0o600); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	r = newGitRig(t, orgtest.Config{Rotate: true, InstanceURL: "https://" + u.Host})
	r.env = append(r.env, "GIT_SSL_CAINFO="+ca)
	remote := "https://" + u.Host + "/repo.git"

	stale = r.run(t.Context(), "", "get", "prod").token(t)
	if got := r.git(t, "", "ls-remote", remote); got.status == 0 || !strings.Contains(got.stderr, "Authentication failed") {
		t.Fatalf("with a token that the server refuses: status %d: %s", got.status, got.stderr)
	}
	if got := r.git(t, "", "ls-remote", remote); got.status != 0 || got.stderr != "" {
		t.Errorf("after git has rejected it: status %d: %s", got.status, got.stderr)
	}
	if posts := r.org.Count(orgtest.Token); posts != 2 {
		t.Errorf("%d token requests, want 2", posts)
	}
	// The server of another name, at the same address, gets none.
	other := "https://localhost:" + u.Port() + "/repo.git"
	if got := r.git(t, "", "-c", "http.sslVerify=false", "-c", "credential.helper=!forcecred git", "ls-remote", other); got.status == 0 || !strings.Contains(got.stderr, "could not read Username") {
		t.Errorf("another name of the server: status %d: %s", got.status, got.stderr)
	}
}

// TestGitStoreHelper: with the documented lines, git's own helper store, which
// other lines name, saves no token of ours.
func TestGitStoreHelper(t *testing.T) {
	t.Parallel()
	const store = "[credential]\n\thelper = store\n"
	documented := pasted(t, "git")
	for _, tt := range []struct {
		name   string
		config string
		saved  bool
	}{
		{"store before our lines", store + documented, false},
		{"store for the org's hosts, before our lines", strings.Replace(store, "[credential]", `[credential "https://*.my.salesforce.com"]`, 1) + documented, false},
		// These two show that git saves it, and that the document says so.
		{"store after our lines", documented + store, true},
		{"store before lines without the empty one", store + strings.Replace(documented, "\thelper =\n", "", 1), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newGitRig(t, orgtest.Config{})
			home := t.TempDir()
			r.env = append(r.env, "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, ".config"))
			writeFile(t, r.config, []byte(strings.ReplaceAll(tt.config, "https://*.my.salesforce.com", r.org.URL)))
			var warnings string
			for range 2 {
				filled := r.git(t, r.place(), "credential", "fill")
				if filled.status != 0 || attributes(filled.stdout)["password"] != r.org.AccessToken() {
					t.Fatalf("fill: status %d: %s", filled.status, filled.stderr)
				}
				approved := r.git(t, filled.stdout, "credential", "approve")
				if approved.status != 0 {
					t.Fatalf("approve: status %d: %s", approved.status, approved.stderr)
				}
				warnings += filled.stderr + approved.stderr
			}
			if warnings != savesWarning {
				t.Errorf("in two rounds git's stderr has: %q", warnings)
			}
			saved, err := os.ReadFile(filepath.Join(home, ".git-credentials"))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			// It is saved as a part of a URL.
			if got := strings.Contains(string(saved), url.QueryEscape(r.org.AccessToken())); got != tt.saved {
				t.Errorf("~/.git-credentials has the token: %v, want %v", got, tt.saved)
			}
			if !tt.saved && len(saved) > 0 {
				t.Errorf("~/.git-credentials has %d bytes", len(saved))
			}
		})
	}
}

// TestGitWarnsOnlyOfPasswords: a git that takes the token as such does not hand it
// to helpers that would save it.
func TestGitWarnsOnlyOfPasswords(t *testing.T) {
	t.Parallel()
	r := newGitRig(t, orgtest.Config{})
	for _, tt := range []struct{ name, request, stderr string }{
		{"git from 2.46 on", "capability[]=authtype\n" + r.place(), ""},
		{"a host of no org", "protocol=https\nhost=git.example.com\n", ""},
		{"an older git", r.place(), savesWarning},
		{"an older git, once more", r.place(), ""},
	} {
		if got := r.run(t.Context(), tt.request+"\n", "git", "get"); got.status != 0 || got.stderr != tt.stderr {
			t.Errorf("%s: status %d: %q", tt.name, got.status, got.stderr)
		}
	}
}

// TestGitConfigLines runs the README's commands, twice, over a helper that is
// there already.
func TestGitConfigLines(t *testing.T) {
	t.Parallel()
	need(t, runtime.GOOS != "windows", "the lines are for a shell of Unix")
	r := newGitRig(t, orgtest.Config{})
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	help := r.run(t.Context(), "", "git", "--help")
	for name, lines := range map[string][][]byte{
		"the README": regexp.MustCompile(`(?m)^\$ (git config .*)$`).FindAll(readme, -1),
		"the help":   regexp.MustCompile(`(?m)^  (git config|helper=).*$`).FindAll([]byte(help.stdout), -1),
	} {
		if len(lines) < 2 {
			t.Errorf("%s has %d lines for git", name, len(lines))
		}
		commands := strings.ReplaceAll(string(bytes.Join(lines, []byte("\n"))), "$ git", "git")
		writeFile(t, r.config, []byte("[credential]\n\thelper = store\n"))
		for range 2 {
			sh := exec.CommandContext(t.Context(), "sh", "-e")
			sh.Env, sh.Stdin = r.env, strings.NewReader(commands)
			if got := finish(sh); got.status != 0 || got.stdout+got.stderr != "" {
				t.Errorf("%s: status %d: %s%s", name, got.status, got.stdout, got.stderr)
			}
		}
		got := r.git(t, "", "config", "--global", "--get-all", "credential.https://*.my.salesforce.com.helper")
		if got.stdout != "\n!forcecred git\n" {
			t.Errorf("%s: the helpers are %q", name, got.stdout)
		}
	}
}
