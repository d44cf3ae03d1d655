package callers

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

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// gitRig is a rig with the installed git, which uses forcecred for the org's host.
type gitRig struct {
	*rig.Rig
	config string // git's configuration
}

func newGitRig(t *testing.T, cfg orgtest.Config) *gitRig {
	t.Helper()
	rig.NeedTool(t, "git")
	r := &gitRig{Rig: rig.New(t, cfg)}
	place := r.Org.URL
	if cfg.InstanceURL != "" {
		place = cfg.InstanceURL
	}
	r.config = filepath.Join(t.TempDir(), "gitconfig")
	r.Env = append(r.Env, "GIT_CONFIG_GLOBAL="+r.config, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=",
		"PATH="+filepath.Dir(rig.Binary)+string(os.PathListSeparator)+os.Getenv("PATH"))
	config := strings.Replace(rig.CallerExample(t, "git"), "https://*.my.salesforce.com", place, 1)
	if err := os.WriteFile(r.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

// git runs git and returns its result.
func (r *gitRig) git(t *testing.T, stdin string, args ...string) rig.Result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Env = r.Env
	cmd.Stdin = strings.NewReader(stdin)
	return rig.Finish(cmd)
}

// place returns git's name for the org's host, with the port.
func place(r *rig.Rig) string {
	return "protocol=https\nhost=" + strings.TrimPrefix(r.Org.URL, "https://") + "\n"
}

// attributes parses lines of KEY=VALUE.
func attributes(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		all[key] = value
	}
	return all
}

// savesWarning is the warning that forcecred prints once, if git may save the token.
const savesWarning = "forcecred: warning: git hands this token to all of its credential helpers, as a password, and the helper store saves it as plain text;" +
	" an empty line `helper =` above forcecred's in git's configuration prevents that (see docs/callers.md, git). This warning comes once\n"

// TestGit runs git credential fill, approve and reject.
func TestGit(t *testing.T) {
	t.Parallel()
	r := newGitRig(t, orgtest.Config{Rotate: true})
	t.Logf("%s", r.git(t, "", "version").Stdout)
	got := r.git(t, place(r.Rig), "credential", "fill")
	answer := attributes(got.Stdout)
	if got.Status != 0 || got.Stderr != savesWarning || answer["password"] != r.Org.AccessToken() || answer["username"] != "prod" {
		t.Fatalf("fill: status %d: %s", got.Status, got.Stderr)
	}
	// forcecred has the token already, so git's approve stores nothing.
	if got := r.git(t, got.Stdout, "credential", "approve"); got.Status != 0 || got.Stdout+got.Stderr != "" {
		t.Errorf("approve: status %d: %s", got.Status, got.Stderr)
	}
	if again := r.git(t, place(r.Rig), "credential", "fill"); again.Stdout != got.Stdout || again.Stderr != "" || r.Org.Count(orgtest.Token) != 1 {
		t.Errorf("the second fill is not from the cache: %d token requests: %s", r.Org.Count(orgtest.Token), again.Stderr)
	}
	// A rejected token is replaced at the next fill.
	if got := r.git(t, got.Stdout, "credential", "reject"); got.Status != 0 || got.Stdout+got.Stderr != "" {
		t.Errorf("reject: status %d: %s", got.Status, got.Stderr)
	}
	if got := r.git(t, got.Stdout, "credential", "reject"); got.Status != 0 {
		t.Errorf("reject once more: status %d: %s", got.Status, got.Stderr)
	}
	fresh := attributes(r.git(t, place(r.Rig), "credential", "fill").Stdout)
	if fresh["password"] == answer["password"] || fresh["password"] != r.Org.AccessToken() || r.Org.Count(orgtest.Token) != 2 {
		t.Errorf("after a refusal: %d token requests, want 2", r.Org.Count(orgtest.Token))
	}
	// Only `forcecred erase` erases the grant.
	if got := r.git(t, place(r.Rig), "credential", "reject"); got.Status != 0 {
		t.Errorf("reject without a token: status %d: %s", got.Status, got.Stderr)
	}
	if posts := r.Org.Count(orgtest.Token); r.Run(t.Context(), "", "get", "prod").Token(t) != fresh["password"] || posts != 2 {
		t.Error("git erase dropped a token that it did not name")
	}
}

// TestGitConcurrentGets: a hundred gits that find the token expired cause one refresh.
func TestGitConcurrentGets(t *testing.T) {
	t.Parallel()
	r := newGitRig(t, orgtest.Config{Rotate: true, Delay: 100 * time.Millisecond})
	// forcecred has stored the org's host, and no longer has a valid token.
	if got := r.Run(t.Context(), "", "get", "prod"); got.Status != 0 {
		t.Fatal(got.Stderr)
	}
	r.git(t, place(r.Rig)+"username=prod\npassword="+r.Org.AccessToken()+"\n", "credential", "reject")
	var mu sync.Mutex
	var all sync.WaitGroup
	var passwords []string
	defer rig.CrowdAlone(t)()
	for range rig.CrowdSize {
		all.Go(func() {
			got := r.git(t, place(r.Rig), "credential", "fill")
			mu.Lock()
			defer mu.Unlock()
			passwords = append(passwords, attributes(got.Stdout)["password"])
		})
	}
	all.Wait()
	rig.WantOneToken(t, "prod", passwords, r.Org.AccessToken(), rig.CrowdSize)
	if posts := r.Org.Count(orgtest.Token); posts != 2 {
		t.Errorf("%d token requests, want 2: the first get's and one for all", posts)
	}
	t.Logf("%d `git credential fill` at once on an expired token: 1 token request", rig.CrowdSize)
}

// repository serves an empty repository at /repo.git with git http-backend.
func repository(t *testing.T) http.Handler {
	t.Helper()
	rig.NeedTool(t, "git")
	execPath, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := filepath.Join(strings.TrimSpace(string(execPath)), "git-http-backend")
	_, err = os.Stat(backend)
	rig.Need(t, err == nil, "git has no http backend")
	root := t.TempDir()
	if out, err := exec.Command("git", "init", "--quiet", "--bare", filepath.Join(root, "repo.git")).CombinedOutput(); err != nil {
		t.Fatalf("git init: %v: %s", err, out)
	}
	return &cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"}}
}

// TestGitRemote clones from a server that requires the org's token, and that rejects the
// first one.
func TestGitRemote(t *testing.T) {
	t.Parallel()
	serve := repository(t)
	var r *gitRig
	var stale string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, password, _ := req.BasicAuth()
		if password == "" || password != r.Org.AccessToken() || password == stale {
			w.Header().Set("Www-Authenticate", `Basic realm="acme"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		serve.ServeHTTP(w, req)
	}))
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, rig.CertificatePEM(server.Certificate()), 0o600); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	r = newGitRig(t, orgtest.Config{Rotate: true, InstanceURL: "https://" + u.Host})
	r.Env = append(r.Env, "GIT_SSL_CAINFO="+ca)
	remote := "https://" + u.Host + "/repo.git"

	stale = r.Run(t.Context(), "", "get", "prod").Token(t)
	if got := r.git(t, "", "ls-remote", remote); got.Status == 0 || !strings.Contains(got.Stderr, "Authentication failed") {
		t.Fatalf("with a token that the server refuses: status %d: %s", got.Status, got.Stderr)
	}
	if got := r.git(t, "", "ls-remote", remote); got.Status != 0 || got.Stderr != "" {
		t.Errorf("after git has rejected it: status %d: %s", got.Status, got.Stderr)
	}
	if posts := r.Org.Count(orgtest.Token); posts != 2 {
		t.Errorf("%d token requests, want 2", posts)
	}
	// The same server by another host name gets no token.
	other := "https://localhost:" + u.Port() + "/repo.git"
	if got := r.git(t, "", "-c", "http.sslVerify=false", "-c", "credential.helper=!forcecred git", "ls-remote", other); got.Status == 0 || !strings.Contains(got.Stderr, "could not read Username") {
		t.Errorf("another name of the server: status %d: %s", got.Status, got.Stderr)
	}
}

// TestGitStoreHelper: with the documented lines, git's credential-store helper, which is
// configured as well, saves no token of forcecred.
func TestGitStoreHelper(t *testing.T) {
	t.Parallel()
	const store = "[credential]\n\thelper = store\n"
	documented := rig.CallerExample(t, "git")
	for _, tt := range []struct {
		name   string
		config string
		saved  bool
	}{
		{"store before our lines", store + documented, false},
		{"store for the org's hosts, before our lines", strings.Replace(store, "[credential]", `[credential "https://*.my.salesforce.com"]`, 1) + documented, false},
		// Without the documented lines, git saves the token.
		{"store after our lines", documented + store, true},
		{"store before lines without the empty one", store + strings.Replace(documented, "\thelper =\n", "", 1), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newGitRig(t, orgtest.Config{})
			home := t.TempDir()
			r.Env = append(r.Env, "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, ".config"))
			rig.WriteFile(t, r.config, []byte(strings.ReplaceAll(tt.config, "https://*.my.salesforce.com", r.Org.URL)))
			var warnings string
			for range 2 {
				filled := r.git(t, place(r.Rig), "credential", "fill")
				if filled.Status != 0 || attributes(filled.Stdout)["password"] != r.Org.AccessToken() {
					t.Fatalf("fill: status %d: %s", filled.Status, filled.Stderr)
				}
				approved := r.git(t, filled.Stdout, "credential", "approve")
				if approved.Status != 0 {
					t.Fatalf("approve: status %d: %s", approved.Status, approved.Stderr)
				}
				warnings += filled.Stderr + approved.Stderr
			}
			if warnings != savesWarning {
				t.Errorf("in two rounds git's stderr has: %q", warnings)
			}
			saved, err := os.ReadFile(filepath.Join(home, ".git-credentials"))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			// The helper saves it in a URL.
			if got := strings.Contains(string(saved), url.QueryEscape(r.Org.AccessToken())); got != tt.saved {
				t.Errorf("~/.git-credentials has the token: %v, want %v", got, tt.saved)
			}
			if !tt.saved && len(saved) > 0 {
				t.Errorf("~/.git-credentials has %d bytes", len(saved))
			}
		})
	}
}

// TestGitWarnsOnlyOfPasswords: forcecred does not warn a git that supports authtype,
// because that git does not pass the token to helpers that save passwords.
func TestGitWarnsOnlyOfPasswords(t *testing.T) {
	t.Parallel()
	r := newGitRig(t, orgtest.Config{})
	for _, tt := range []struct{ name, request, stderr string }{
		{"git from 2.46 on", "capability[]=authtype\n" + place(r.Rig), ""},
		{"a host of no org", "protocol=https\nhost=git.example.com\n", ""},
		{"an older git", place(r.Rig), savesWarning},
		{"an older git, once more", place(r.Rig), ""},
	} {
		if got := r.Run(t.Context(), tt.request+"\n", "git", "get"); got.Status != 0 || got.Stderr != tt.stderr {
			t.Errorf("%s: status %d: %q", tt.name, got.Status, got.Stderr)
		}
	}
}

// TestGitConfigLines runs the README's commands twice, on a configuration that has another
// helper.
func TestGitConfigLines(t *testing.T) {
	t.Parallel()
	rig.Need(t, runtime.GOOS != "windows", "the lines are for a shell of Unix")
	r := newGitRig(t, orgtest.Config{})
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	help := r.Run(t.Context(), "", "git", "--help")
	for name, lines := range map[string][][]byte{
		"the README": regexp.MustCompile(`(?m)^\$ (git config .*)$`).FindAll(readme, -1),
		"the help":   regexp.MustCompile(`(?m)^  \$ (git config|helper=).*$`).FindAll([]byte(help.Stdout), -1),
	} {
		if len(lines) < 2 {
			t.Errorf("%s has %d lines for git", name, len(lines))
		}
		commands := regexp.MustCompile(`(?m)^ *\$ `).ReplaceAllString(string(bytes.Join(lines, []byte("\n"))), "")
		rig.WriteFile(t, r.config, []byte("[credential]\n\thelper = store\n"))
		for range 2 {
			sh := exec.CommandContext(t.Context(), "sh", "-e")
			sh.Env, sh.Stdin = r.Env, strings.NewReader(commands)
			if got := rig.Finish(sh); got.Status != 0 || got.Stdout+got.Stderr != "" {
				t.Errorf("%s: status %d: %s%s", name, got.Status, got.Stdout, got.Stderr)
			}
		}
		got := r.git(t, "", "config", "--global", "--get-all", "credential.https://*.my.salesforce.com.helper")
		if got.Stdout != "\n!forcecred git\n" {
			t.Errorf("%s: the helpers are %q", name, got.Stdout)
		}
	}
}
