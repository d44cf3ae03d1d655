package callers

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestDockerModule runs docker's own packages with forcecred as credential helper.
func TestDockerModule(t *testing.T) {
	rig.TestModule(t, "../thirdparty/docker", rig.Race(t)...)
}

// link links forcecred under the name that a caller looks for, and returns its folder.
func link(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if err := os.Link(rig.Binary, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestHostLookup: a caller that names a URL gets the token of the org at exactly that
// host and port, and no token for another one.
func TestHostLookup(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	host := strings.TrimPrefix(r.Org.URL, "https://")
	name, port, _ := strings.Cut(host, ":")
	for _, tt := range []struct {
		url   string
		is    bool
		bazel bool // Bazel's URLs have a scheme
	}{
		{"https://" + host, true, true},
		{"https://" + host + "/services/data/v65.0?q=1#f", true, true},
		{"HTTPS://" + host + "/", true, true},
		{host, true, false},
		{host + "/v2/", true, false},
		{"http://" + host, false, true},
		{"https://" + name, false, true},
		{"https://" + host + "1", false, true},
		{"https://" + name + ".evil.test:" + port, false, true},
		{"https://" + host + ".evil.test", false, true},
		{"https://" + name + ".:" + port, false, true},
		{"https://" + host + "@evil.test", false, true},
		{"https://prod@" + host, false, true},
		{"https://evil.test/" + host, false, true},
		{"https://evil.test\\@" + host, false, true},
		{"https://lоcalhost:" + port, false, true}, // a Cyrillic о
		{"https://" + host + "\n.evil.test", false, true},
		{"https://" + host + "\r\nX: y", false, true},
		{"https://" + host + "\x00.evil.test", false, true},
	} {
		got := r.Run(t.Context(), tt.url, "docker", "get")
		if answered := strings.Contains(got.Stdout, r.Org.AccessToken()) && r.Org.AccessToken() != ""; answered != tt.is || (got.Status == 0) != tt.is || got.Stderr != "" {
			t.Errorf("docker, %q: status %d, a token %t: %s", tt.url, got.Status, answered, got.Stderr)
		}
		request, err := json.Marshal(map[string]string{"uri": tt.url})
		if err != nil {
			t.Fatal(err)
		}
		got = r.Run(t.Context(), string(request), "bazel", "get")
		if is := tt.is && tt.bazel; (got.Status == 0) != is || (got.Stdout != "") != is || (got.Stderr == "") != is {
			t.Errorf("bazel, %q: status %d, %d bytes: %s", tt.url, got.Status, len(got.Stdout), got.Stderr)
		}
	}
	if posts := r.Org.Count(orgtest.Token); posts != 1 {
		t.Errorf("%d token requests, want 1", posts)
	}

	// If two orgs share a host, no caller gets a token.
	r.Store(t, "other", r.Org)
	for caller, args := range map[string][]string{r.Org.URL: {"docker", "get"}, `{"uri":"` + r.Org.URL + `"}`: {"bazel", "get"}} {
		got := r.Run(t.Context(), caller, args...)
		if said := got.Stdout + got.Stderr; got.Status == 0 || !strings.Contains(said, "2 stored orgs match this host: other, prod") || !strings.Contains(said, "FORCECRED_HOME") {
			t.Errorf("%s of a shared place: status %d: %s", args[0], got.Status, said)
		}
	}
	if got := r.Run(t.Context(), "", "docker", "list"); got.Stdout != "{}\n" {
		t.Errorf("docker list: %s", got.Stdout)
	}
}

// TestBazel calls forcecred as Bazel does with the documented line in its .bazelrc.
func TestBazel(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	line := strings.TrimSpace(rig.CallerExample(t, "bazel"))
	helper := line[strings.LastIndex(line, "=")+1:]
	path := filepath.Join(link(t, helper), helper)
	ask := func(stdin string, args ...string) rig.Result {
		cmd := exec.CommandContext(t.Context(), path, args...)
		cmd.Env, cmd.Stdin = r.Env, strings.NewReader(stdin)
		return rig.Finish(cmd)
	}
	got := ask(`{"uri":"`+r.Org.URL+`/services/data","more":[1]}`, "get")
	var answer struct {
		Headers map[string][]string
		Expires time.Time
	}
	if err := json.Unmarshal([]byte(got.Stdout), &answer); err != nil || got.Status != 0 || got.Stderr != "" {
		t.Fatalf("get: status %d, %v: %s", got.Status, err, got.Stderr)
	}
	if h := answer.Headers; len(h) != 1 || len(h["Authorization"]) != 1 || h["Authorization"][0] != "Bearer "+r.Org.AccessToken() {
		t.Error("the headers are not the token's alone")
	}
	left := time.Until(answer.Expires)
	if left <= time.Hour || left > 2*time.Hour-time.Minute {
		t.Errorf("it expires in %v, of a session of 2h", left)
	}
	for _, args := range [][]string{{}, {"put"}, {"get-credentials"}, {"get", "more"}} {
		if got := ask(`{"uri":"`+r.Org.URL+`"}`, args...); got.Status != 2 || got.Stdout != "" || !strings.Contains(got.Stderr, "forcecred help") {
			t.Errorf("%q: status %d: %s", args, got.Status, got.Stderr)
		}
	}
	if got := ask(`{"uri":"https://github.com/x"}`, "get"); got.Status != 4 || got.Stdout != "" {
		t.Errorf("a host of no org: status %d: %s", got.Status, got.Stderr)
	}
}

// TestCallerTimeouts: a caller with a timeout of 10 s gets an error before that. A refresh
// that is running then is not lost.
func TestCallerTimeouts(t *testing.T) {
	t.Parallel()
	asking := func(r *rig.Rig) map[string][]string {
		return map[string][]string{`{"uri":"` + r.Org.URL + `"}`: {"bazel", "get"}, "": {"headers", "prod"}}
	}
	t.Run("another process holds the lock", func(t *testing.T) {
		t.Parallel()
		r := rig.New(t, orgtest.Config{Rotate: true})
		lock, err := r.OpenStore().Lock(t.Context(), "prod")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = lock.Release() }() // best effort, the process ends soon
		for stdin, args := range asking(r) {
			begin := time.Now()
			got := r.Run(t.Context(), stdin, args...)
			if got.Status != 7 || got.Stdout != "" || !strings.Contains(got.Stderr, "another process is still refreshing this org") {
				t.Errorf("%s: status %d: %s", args[0], got.Status, got.Stderr)
			}
			// The timeout of the lock itself is 60 s.
			if took := time.Since(begin); took > 50*time.Second {
				t.Errorf("%s: it took %v", args[0], took)
			}
		}
	})
	t.Run("the org is slow", func(t *testing.T) {
		t.Parallel()
		r := rig.New(t, orgtest.Config{Rotate: true, Delay: 10 * time.Second})
		got := r.Run(t.Context(), "", "headers", "prod")
		if got.Status != 0 || got.Stdout != `{"Authorization":"Bearer `+r.Org.AccessToken()+"\"}\n" || !r.Org.Alive() || r.StoredToken(t) != r.Org.RefreshToken() {
			t.Errorf("status %d, grant alive %t: %s", got.Status, r.Org.Alive(), got.Stderr)
		}
	})
}

// TestHeadersHelper runs the documented line as Claude Code does: in a shell, with an
// empty stdin.
func TestHeadersHelper(t *testing.T) {
	t.Parallel()
	rig.NeedTool(t, "sh")
	r := rig.New(t, orgtest.Config{Rotate: true})
	var config struct {
		MCPServers map[string]struct{ URL, HeadersHelper string }
	}
	if err := json.Unmarshal([]byte(rig.CallerExample(t, "headers")), &config); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", config.MCPServers["acme"].HeadersHelper)
	cmd.Env = append(r.Env, "PATH="+filepath.Dir(rig.Binary)+string(os.PathListSeparator)+os.Getenv("PATH"))
	got := rig.Finish(cmd)
	headers := map[string]string{}
	if err := json.Unmarshal([]byte(got.Stdout), &headers); err != nil || got.Status != 0 || got.Stderr != "" {
		t.Fatalf("status %d, %v: %s", got.Status, err, got.Stderr)
	}
	if len(headers) != 1 || headers["Authorization"] != "Bearer "+r.Org.AccessToken() {
		t.Error("the headers are not the token's alone")
	}
	for args, want := range map[string]int{"headers": 2, "headers prod more": 2, "headers pr/od": 2, "headers nosuch": 4, "headers prod --min-ttl x": 2} {
		if got := r.Run(t.Context(), `{"org":"prod"}`, strings.Fields(args)...); got.Status != want || got.Stdout != "" {
			t.Errorf("%s: status %d, want %d: %s", args, got.Status, want, got.Stderr)
		}
	}
}
