package integration

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"forcecred/integration/orgtest"
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
func (r *gitRig) place() string {
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

// TestGit lets git ask, approve and reject.
func TestGit(t *testing.T) {
	t.Parallel()
	r := newGitRig(t, orgtest.Config{Rotate: true})
	t.Logf("%s", r.git(t, "", "version").stdout)
	got := r.git(t, r.place(), "credential", "fill")
	answer := attributes(got.stdout)
	if got.status != 0 || got.stderr != "" || answer["password"] != r.org.AccessToken() || answer["username"] != "prod" {
		t.Fatalf("fill: status %d: %s", got.status, got.stderr)
	}
	// What git is told to store is ours already, and nothing of it is kept elsewhere.
	if got := r.git(t, got.stdout, "credential", "approve"); got.status != 0 || got.stdout+got.stderr != "" {
		t.Errorf("approve: status %d: %s", got.status, got.stderr)
	}
	if again := r.git(t, r.place(), "credential", "fill"); again.stdout != got.stdout || r.org.Count(orgtest.Token) != 1 {
		t.Errorf("the second fill is not from the cache: %d token requests", r.org.Count(orgtest.Token))
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
