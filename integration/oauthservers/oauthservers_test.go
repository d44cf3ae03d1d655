package oauthservers

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/keystore"
	"forcecred/protocol"
)

// TestOAuthServers runs concurrent gets, and many refreshes in a row, against OAuth servers
// of other projects. Both servers rotate refresh tokens. Both revoke a login if a client
// sends a used refresh token, as Salesforce does.
func TestOAuthServers(t *testing.T) {
	// Not with the race detector, which makes the server too slow for a crowd's TLS: the
	// transaction is tested with it in integration/transaction.
	t.Run("fosite", func(t *testing.T) { rig.TestModule(t, "../thirdparty/fosite") })
	t.Run("oidc-provider", testOIDCProvider)
}

// testOIDCProvider runs the tests against oidc-provider, in a Node process.
func testOIDCProvider(t *testing.T) {
	rig.NeedTool(t, "node")
	rig.NeedTool(t, "npm")
	p := startProvider(t)
	t.Run("expiry", p.testExpiry)
	t.Run("crowd", p.testCrowd)
	t.Run("chain", p.testChain)
	t.Run("control", p.testControl) // ends the login
	t.Run("login", p.testLogin)     // begins another one
}

// provider is a running oidc-provider, and a home where its grant is stored as prod.
type provider struct {
	*rig.Rig
	port   int          // the port of its client's redirect URI
	client *http.Client // trusts its certificate
	stored protocol.StoreRequest
}

func startProvider(t *testing.T) *provider {
	t.Helper()
	dir := rig.InstallNode(t, "oidc-provider")

	// The certificate of httptest is for 127.0.0.1, and is its own root.
	donor := httptest.NewTLSServer(nil)
	donor.Close()
	key, err := x509.MarshalPKCS8PrivateKey(donor.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(dir, "ca.pem")
	rig.WriteFile(t, ca, rig.CertificatePEM(donor.Certificate()))
	rig.WriteFile(t, filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	port := rig.FreePort(t)
	runNode(t, dir, "server.mjs", "key.pem", "ca.pem", "store.json", fmt.Sprintf("http://localhost:%d/OauthRedirect", port))

	home := filepath.Join(t.TempDir(), "home")
	p := &provider{
		port:   port,
		Rig:    &rig.Rig{Home: home, Env: append(os.Environ(), "FORCECRED_KEYSTORE=file", "FORCECRED_HOME="+home, "FORCECRED_CA_FILE="+ca)},
		client: donor.Client(),
	}
	request, err := os.ReadFile(filepath.Join(dir, "store.json"))
	if err == nil {
		p.stored, err = protocol.DecodeStore(bytes.NewReader(request), "")
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Run(t.Context(), string(request), "store"); got.Status != 0 {
		t.Fatalf("store: status %d: %s", got.Status, got.Stderr)
	}
	t.Cleanup(func() {
		if err := rig.FindSecrets(home, []string{p.stored.ClientSecret.Reveal(), p.stored.RefreshToken.Reveal()}); err != nil {
			t.Error(err)
		}
	})
	return p
}

// runNode starts the server and returns when it listens. The server ends with the test, or
// with its stdin if the test is killed.
func runNode(t *testing.T, dir string, args ...string) {
	t.Helper()
	node := exec.CommandContext(t.Context(), "node", args...)
	node.Dir = dir
	var stderr bytes.Buffer
	node.Stderr = &stderr
	stdin, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close() // best effort: the canceled context has killed it
		_ = node.Wait()
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var ready struct{ Port int }
		if json.Unmarshal(lines.Bytes(), &ready) == nil && ready.Port != 0 {
			return
		}
	}
	_ = node.Wait() // its stdout has ended, so the process has
	t.Fatalf("the server did not start: %s", rig.Tail(stderr.Bytes()))
}

// verdict is the provider's own view of a refresh token.
type verdict struct {
	Posts int  // token requests so far
	Alive bool // whether it would accept the refresh token
}

// judge returns the provider's view of the stored refresh token, and sets the delay of the
// provider's next token answers.
func (p *provider) judge(t *testing.T, delay time.Duration) verdict {
	t.Helper()
	resp, err := p.client.Post(fmt.Sprintf("%s/judge?delay=%d", p.stored.LoginURL, delay.Milliseconds()), "text/plain", strings.NewReader(p.StoredToken(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var v verdict
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// expire changes the cached token to one that expired an hour ago.
func (p *provider) expire(t *testing.T) {
	t.Helper()
	token, err := keystore.LoadToken(t.Context(), p.OpenStore(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	token.RefreshedAt = time.Now().Add(-2 * time.Hour)
	token.ExpiresAt = token.RefreshedAt.Add(time.Hour)
	if err := keystore.SaveToken(t.Context(), p.OpenStore(), token); err != nil {
		t.Fatal(err)
	}
}

// testExpiry: the expiry comes from the provider's introspection.
func (p *provider) testExpiry(t *testing.T) {
	got := p.Run(t.Context(), "", "get", "prod")
	got.Token(t)
	c, err := protocol.DecodeCredential(strings.NewReader(got.Stdout))
	if err != nil {
		t.Fatal(err)
	}
	left := time.Until(c.ExpiresAt).Round(time.Minute)
	if c.ExpiresSource != protocol.ExpiresIntrospection || left != 2*time.Hour {
		t.Errorf("the token ends in %v, which is %s; want 2h, by introspection", left, c.ExpiresSource)
	}
}

func (p *provider) testCrowd(t *testing.T) {
	old := p.Run(t.Context(), "", "get", "prod").Token(t)
	p.expire(t)
	before, begin := p.judge(t, 100*time.Millisecond), time.Now()
	tokens := p.Crowd(t, rig.CrowdSize, rig.GetRequest, "prod")["prod"]
	took := time.Since(begin)
	after := p.judge(t, 0)
	if len(tokens) == 0 || tokens[0] == old {
		t.Fatal("no new token came")
	}
	rig.WantOneToken(t, "prod", tokens, tokens[0], rig.CrowdSize)
	if posts := after.Posts - before.Posts; posts != 1 || !after.Alive {
		t.Errorf("%d token requests, want 1; alive %v", posts, after.Alive)
	}
	if p.Run(t.Context(), "", "get", "prod", "--force").Token(t); !p.judge(t, 0).Alive {
		t.Error("the grant is dead")
	}
	if t.Failed() {
		return
	}
	t.Logf("oidc-provider: %d processes at once on an expired token: %d token request, %d equal answers, grant alive, %v",
		rig.CrowdSize, after.Posts-before.Posts, len(tokens), took.Round(time.Millisecond))
}

func (p *provider) testChain(t *testing.T) {
	const length = 200
	before, begin := p.judge(t, 0), time.Now()
	seen := map[string]bool{}
	for i := range length {
		seen[p.Run(t.Context(), "", "get", "prod", "--force").Token(t)] = true
		if !p.judge(t, 0).Alive {
			t.Fatalf("refresh %d: the stored refresh token is not the provider's", i)
		}
	}
	if posts := p.judge(t, 0).Posts - before.Posts; posts != length || len(seen) != length {
		t.Errorf("%d token requests and %d access tokens, want %d", posts, len(seen), length)
	}
	t.Logf("oidc-provider: %d forced refreshes in a row: all succeeded, each left the current refresh token in the store, %v each",
		length, (time.Since(begin) / length).Round(100*time.Microsecond))
}

// testLogin: the provider requires a code challenge and accepts the code. forcecred accepts
// its ID token. Then the provider accepts the refresh token.
func (p *provider) testLogin(t *testing.T) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p.client.Jar = jar
	browse := func(address string) {
		resp, err := p.client.Get(address)
		if err != nil {
			t.Error(err)
			return
		}
		_ = resp.Body.Close()
	}
	got := rig.RunLogin(t, p.Command(t.Context(), "login", "prod", "--no-browser", "--port", strconv.Itoa(p.port), "--scopes", "openid api"), browse)
	if got.Status != 0 {
		t.Fatalf("status %d: %s", got.Status, got.Stderr)
	}
	if rig.ShowsSecret(got.Stderr, []string{p.StoredToken(t), p.stored.ClientSecret.Reveal()}) {
		t.Error("stderr shows a secret")
	}
	posts := p.judge(t, 0).Posts
	if p.Run(t.Context(), "", "get", "prod").Token(t); p.judge(t, 0).Posts != posts {
		t.Error("the login's access token is not in the cache")
	}
	if p.Run(t.Context(), "", "get", "prod", "--force").Token(t); !p.judge(t, 0).Alive {
		t.Error("the grant is dead")
	}
	t.Log("oidc-provider: login by code, PKCE (S256) and nonce: taken, kept, refreshed")
}

// testControl: a used refresh token ends the login at the provider. So the tests above can
// fail.
func (p *provider) testControl(t *testing.T) {
	spent := p.StoredToken(t)
	p.Run(t.Context(), "", "get", "prod", "--force").Token(t)
	if !p.judge(t, 0).Alive {
		t.Fatal("the grant was dead before")
	}
	resp, err := p.client.PostForm(p.stored.LoginURL+"/services/oauth2/token", url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {spent},
		"client_id": {p.stored.ClientID}, "client_secret": {p.stored.ClientSecret.Reveal()},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest || p.judge(t, 0).Alive {
		t.Errorf("the grant outlived the reuse of a spent refresh token: status %d", resp.StatusCode)
	}
	got := p.Run(t.Context(), "", "get", "prod", "--force")
	if got.Status != protocol.SignInAgain.ExitStatus() || got.Stdout != "" {
		t.Errorf("a refresh over the dead grant: status %d, want %d: %s", got.Status, protocol.SignInAgain.ExitStatus(), got.Stderr)
	}
	if rig.ShowsSecret(got.Stderr, []string{spent, p.StoredToken(t), p.stored.ClientSecret.Reveal()}) {
		t.Error("stderr shows a secret")
	}
	t.Log("oidc-provider: control: a spent refresh token ends the login")
}
