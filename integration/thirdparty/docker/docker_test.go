// Package docker tests forcecred with docker's own packages, which call it as a credential helper.
package docker

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"forcecred/internal/orgtest"
	"forcecred/protocol"
	"forcecred/protocol/secret"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/docker-credential-helpers/client"
	"github.com/docker/docker-credential-helpers/credentials"
)

// bin is the folder of the built forcecred, which has its own name and docker's.
var bin string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "forcecred-docker-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	forcecred := filepath.Join(dir, "forcecred"+suffix())
	// The go.mod of forcecred's own module selects the versions that users get.
	if out, err := exec.Command("go", "build", "-C", "../../..", "-o", forcecred, "forcecred").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	if err := os.Link(forcecred, filepath.Join(dir, "docker-credential-forcecred"+suffix())); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func suffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// rig is an org that is stored as prod, and docker's configuration for its host.
type rig struct {
	*orgtest.Org
	host   string // with the port
	config *configfile.ConfigFile
	ask    client.ProgramFunc
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	org, err := orgtest.Start(orgtest.Config{Rotate: true, ClientSecret: "test-client-secret-0001"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(org.Close)
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, org.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("FORCECRED_KEYSTORE", "file")
	t.Setenv("FORCECRED_HOME", filepath.Join(dir, "home"))
	t.Setenv("FORCECRED_CA_FILE", ca)
	store(t, org)

	r := &rig{Org: org, host: strings.TrimPrefix(org.URL, "https://"), ask: client.NewShellProgramFunc("docker-credential-forcecred")}
	r.config, err = config.LoadFromReader(strings.NewReader(strings.Replace(pasted(t), "acme.my.salesforce.com", r.host, 1)))
	if err != nil {
		t.Fatal(err)
	}
	r.watchStderr(t, filepath.Join(dir, "stderr"))
	return r
}

// store stores org as prod.
func store(t *testing.T, org *orgtest.Org) {
	t.Helper()
	var request bytes.Buffer
	err := protocol.StoreRequest{
		Org: "prod", LoginURL: org.URL, ClientID: org.ClientID(), ClientSecret: secret.New(org.ClientSecret()), RefreshToken: secret.New(org.RefreshToken()),
	}.Encode(&request)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("forcecred", "store")
	cmd.Stdin = &request
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("store: %v: %s", err, out)
	}
}

// watchStderr replaces this process's stderr by a file, because docker's helpers inherit
// it. The file must be empty at the end.
func (r *rig) watchStderr(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = file
	t.Cleanup(func() {
		os.Stderr = stderr
		file.Close()
		if said, err := os.ReadFile(path); err != nil || len(said) > 0 {
			t.Errorf("the helper has %d bytes on stderr (%v)", len(said), err)
		}
	})
}

// pasted returns the code block of docs/callers.md for docker.
func pasted(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("../../../docs/callers.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)<!-- docker -->\n```\\w+\n(.*?)```\n").FindSubmatch(doc)
	if block == nil {
		t.Fatal("docs/callers.md has nothing to paste for docker")
	}
	return string(block[1])
}

// TestDocker: docker's command line looks up, lists, logs in and logs out.
func TestDocker(t *testing.T) {
	r := newRig(t)
	logVersions(t)
	got, err := r.config.GetAuthConfig(r.host)
	if err != nil || got.Password != r.AccessToken() || got.Username != "prod" || got.IdentityToken != "" {
		t.Fatalf("get: user %q, right token %t, %v", got.Username, got.Password == r.AccessToken(), err)
	}
	all, err := r.config.GetAllCredentials()
	if err != nil || len(all) != 1 || all[r.host].Password != got.Password {
		t.Errorf("all: %d, %v", len(all), err)
	}
	if posts := r.Count(orgtest.Token); posts != 1 {
		t.Errorf("%d token requests, want 1", posts)
	}
	login := got
	login.ServerAddress, login.Password = r.host, "test-password-0001"
	err = r.config.GetCredentialsStore(r.host).Store(login)
	if err == nil || !strings.Contains(err.Error(), "forcecred store") || strings.Contains(err.Error(), login.Password) {
		t.Errorf("login: %v", err)
	}
	// A logout deletes the cached token, and the next get refreshes.
	if err := r.config.GetCredentialsStore(r.host).Erase(r.host); err != nil {
		t.Errorf("logout: %v", err)
	}
	again, err := r.config.GetAuthConfig(r.host)
	if err != nil || again.Password == got.Password || again.Password != r.AccessToken() || !r.Alive() {
		t.Errorf("get after logout: %v, grant alive %t", err, r.Alive())
	}
}

// TestClient calls all actions through docker-credential-helpers' client package.
func TestClient(t *testing.T) {
	r := newRig(t)
	for _, url := range []string{r.URL, r.URL + "/v2/", r.host} {
		got, err := client.Get(r.ask, url)
		if err != nil || got.ServerURL != url || got.Username != "prod" || got.Secret != r.AccessToken() {
			t.Errorf("get %s: %v", url, err)
		}
	}
	for _, url := range []string{"https://index.docker.io/v1/", strings.Replace(r.URL, "https", "http", 1), r.URL + ".evil.test", r.URL + "1"} {
		if _, err := client.Get(r.ask, url); !credentials.IsErrCredentialsNotFound(err) {
			t.Errorf("get %s: %v", url, err)
		}
	}
	if _, err := client.Get(r.ask, ""); err == nil || !strings.Contains(err.Error(), credentials.NewErrCredentialsMissingServerURL().Error()) {
		t.Errorf("get without a URL: %v", err)
	}
	if orgs, err := client.List(r.ask); err != nil || len(orgs) != 1 || orgs[r.URL] != "prod" {
		t.Errorf("list: %v, %v", orgs, err)
	}
	if err := client.Store(r.ask, &credentials.Credentials{ServerURL: r.URL, Secret: "test-password-0001"}); err == nil || !strings.Contains(err.Error(), credentials.NewErrCredentialsMissingUsername().Error()) {
		t.Errorf("store without a user: %v", err)
	}
	if err := client.Erase(r.ask, "https://index.docker.io/v1/"); err != nil {
		t.Errorf("erase what is not there: %v", err)
	}
	if posts := r.Count(orgtest.Token); posts != 1 {
		t.Errorf("%d token requests, want 1", posts)
	}
	r.Revoke()
	if err := client.Erase(r.ask, r.URL); err != nil {
		t.Errorf("erase: %v", err)
	}
	if _, err := client.Get(r.ask, r.URL); err == nil || credentials.IsErrCredentialsNotFound(err) || !strings.Contains(err.Error(), "log in again") {
		t.Errorf("get with a dead grant: %v", err)
	}
}

// logVersions logs the versions of docker's packages.
func logVersions(t *testing.T) {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "github.com/docker/cli", "github.com/docker/docker-credential-helpers").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		t.Log(strings.TrimSpace(line))
	}
}
