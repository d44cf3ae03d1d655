package callers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/keystore"
	"forcecred/protocol"
)

// cluster is a rig with an API server that accepts the org's tokens.
type cluster struct {
	*rig.Rig
	server *httptest.Server
	ca     string // the file with the server's root certificate

	mu      sync.Mutex
	refused string // the token that the server no longer accepts
	refuse  int    // the number of next requests to reject
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{Rig: rig.New(t, orgtest.Config{Rotate: true})}
	c.server = httptest.NewTLSServer(http.HandlerFunc(c.serve))
	t.Cleanup(c.server.Close)
	dir := t.TempDir()
	c.ca = filepath.Join(dir, "ca.pem")
	rig.WriteFile(t, c.ca, rig.CertificatePEM(c.server.Certificate()))
	// Not the user's own kubeconfig and kuberc.
	c.Env = append(c.Env, "HOME="+dir, "USERPROFILE="+dir, "KUBECONFIG=", "PATH="+filepath.Dir(rig.Binary)+string(os.PathListSeparator)+os.Getenv("PATH"))
	return c
}

// serve is an API server that checks its callers' tokens at the org.
func (c *cluster) serve(w http.ResponseWriter, req *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	token, _ := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	w.Header().Set("Content-Type", "application/json")
	switch {
	case c.refuse > 0:
		c.refuse--
	case token != "" && token == c.Org.AccessToken() && token != c.refused:
		fmt.Fprintln(w, `{"major":"1","minor":"32","gitVersion":"v1.32.0"}`)
		return
	}
	w.WriteHeader(http.StatusUnauthorized)
	fmt.Fprintln(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}`)
}

// refuseNext makes the server reject the next n requests, and token forever.
func (c *cluster) refuseNext(n int, token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse, c.refused = n, token
}

// kubeconfig writes a kubeconfig with the example of docs/callers.md for a caller. replace
// has pairs of old and new text.
func (c *cluster) kubeconfig(t *testing.T, caller string, replace ...string) string {
	t.Helper()
	const documented = "server: https://kubernetes.example.com"
	server := "server: " + c.server.URL + "\n    certificate-authority: " + strconv.Quote(c.ca)
	text := strings.Replace(rig.CallerExample(t, caller), documented, server, 1)
	if !strings.Contains(text, server) {
		text += "clusters:\n- name: acme\n  cluster:\n    " + server + "\n"
	}
	text += "contexts:\n- name: acme\n  context:\n    cluster: acme\n    user: salesforce\n" +
		"current-context: acme\napiVersion: v1\nkind: Config\n"
	path := filepath.Join(t.TempDir(), "config")
	rig.WriteFile(t, path, []byte(strings.NewReplacer(replace...).Replace(text)))
	return path
}

// kubectl runs the installed kubectl.
func (c *cluster) kubectl(t *testing.T, args ...string) rig.Result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "kubectl", args...)
	cmd.Env = c.Env
	return rig.Finish(cmd)
}

// kubectlVersions returns the versions of the protocol that kubectl supports.
func (c *cluster) kubectlVersions(t *testing.T) []string {
	t.Helper()
	var said struct {
		ClientVersion struct{ Major, Minor, GitVersion string }
	}
	got := c.kubectl(t, "version", "--client", "-o", "json")
	if err := json.Unmarshal([]byte(got.Stdout), &said); err != nil {
		t.Fatalf("kubectl version: %v: %s", err, got.Stderr)
	}
	t.Logf("kubectl %s", said.ClientVersion.GitVersion)
	minor, err := strconv.Atoi(strings.TrimRight(said.ClientVersion.Minor, "+"))
	if err != nil || said.ClientVersion.Major != "1" {
		t.Fatalf("kubectl is of version %v", said.ClientVersion)
	}
	if minor < 22 {
		return []string{"v1beta1"}
	}
	return []string{"v1beta1", "v1"}
}

// TestKubectl runs kubectl against an API server, with the examples of docs/callers.md.
func TestKubectl(t *testing.T) {
	t.Parallel()
	rig.NeedTool(t, "kubectl")
	c := newCluster(t)
	for _, version := range c.kubectlVersions(t) {
		asked := []string{"k8s.io/v1\n", "k8s.io/" + version + "\n"}
		for _, caller := range []string{"kubernetes", "kubernetes-cluster"} {
			got := c.kubectl(t, "--kubeconfig", c.kubeconfig(t, caller, asked...), "get", "--raw", "/version")
			if got.Status != 0 || !strings.Contains(got.Stdout, "v1.32.0") || got.Stderr != "" {
				t.Errorf("%s, %s: status %d: %s%s", version, caller, got.Status, got.Stdout, got.Stderr)
			}
		}
		// forcecred prints the error; kubectl sees only its exit status.
		for _, tt := range []struct {
			caller, from, to string
			wants            []string
		}{
			{"kubernetes", "prod]", "nosuch]", []string{`there is no org "nosuch"`, "exit code 4"}},
			{"kubernetes-cluster", "org: prod", "org: nosuch", []string{`there is no org "nosuch"`, "exit code 4"}},
			{"kubernetes-cluster", "org: prod", "organisation: prod", []string{"neither an argument nor the cluster's configuration names an org", "exit code 2"}},
			{"kubernetes-cluster", "provideClusterInfo: true", "provideClusterInfo: false", []string{"neither an argument nor the cluster's configuration names an org", "exit code 2"}},
			{"kubernetes-cluster", "[kubernetes]", "[kubernetes, dev]", []string{"name different orgs", "exit code 2"}},
		} {
			got := c.kubectl(t, "--kubeconfig", c.kubeconfig(t, tt.caller, append(asked, tt.from, tt.to)...), "get", "--raw", "/version")
			for _, want := range tt.wants {
				if got.Status == 0 || got.Stdout != "" || !strings.Contains(got.Stderr, want) {
					t.Errorf("%s, %s: status %d: %s%s; want %q", version, tt.to, got.Status, got.Stdout, got.Stderr, want)
				}
			}
		}
	}
	if posts := c.Org.Count(orgtest.Token); posts != 1 {
		t.Errorf("%d token requests, want 1", posts)
	}
	// A revoked token, as the document says.
	c.refuseNext(0, c.Org.AccessToken())
	config := c.kubeconfig(t, "kubernetes", "k8s.io/v1\n", "k8s.io/v1beta1\n")
	for range 2 {
		if got := c.kubectl(t, "--kubeconfig", config, "get", "--raw", "/version"); got.Status == 0 || !strings.Contains(got.Stderr, "You must be logged in to the server") {
			t.Errorf("a token that was revoked: status %d: %s", got.Status, got.Stderr)
		}
	}
	if got := c.Run(t.Context(), "", "get", "prod", "--force"); got.Status != 0 {
		t.Fatal(got.Stderr)
	}
	if got := c.kubectl(t, "--kubeconfig", config, "get", "--raw", "/version"); got.Status != 0 {
		t.Errorf("the new token: status %d: %s", got.Status, got.Stderr)
	}
}

// TestKubernetesExpiry: the expiry for kubectl is before the token's own, and a token that
// expires soon is refreshed first.
func TestKubernetesExpiry(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	answer := func() (token string, until time.Time) {
		t.Helper()
		got := r.Run(t.Context(), "", "kubernetes", "prod")
		var said struct {
			Status struct {
				Token               string
				ExpirationTimestamp time.Time
			}
		}
		if err := json.Unmarshal([]byte(got.Stdout), &said); err != nil || got.Status != 0 || got.Stderr != "" {
			t.Fatalf("status %d: %v: %s", got.Status, err, got.Stderr)
		}
		return said.Status.Token, said.Status.ExpirationTimestamp
	}
	first, until := answer()
	got := r.Run(t.Context(), "", "get", "prod")
	c, err := protocol.DecodeCredential(strings.NewReader(got.Stdout))
	if err != nil {
		t.Fatal(err)
	}
	if early := c.ExpiresAt.Sub(until); first != c.AccessToken.Reveal() || early != time.Minute {
		t.Errorf("the token is to be given up %v before its end, want 1m", early)
	}
	// A token that expires soon is good enough for one request, but not for kubectl.
	cached, err := keystore.LoadToken(t.Context(), r.OpenStore(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	cached.RefreshedAt = time.Now().Add(-time.Hour)
	cached.ExpiresAt = time.Now().Add(100 * time.Second)
	if err := keystore.SaveToken(t.Context(), r.OpenStore(), cached); err != nil {
		t.Fatal(err)
	}
	second, until := answer()
	if second == first || second != r.Org.AccessToken() || time.Until(until) < time.Hour {
		t.Errorf("what kubectl is handed lives for %v", time.Until(until))
	}
}
