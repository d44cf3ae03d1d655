package login

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/keystore"
	"forcecred/protocol"
)

// loginRig is an org whose app redirects to a free port of this machine, and an empty
// home.
type loginRig struct {
	*rig.Rig
	port int
}

func newLoginRig(t *testing.T, cfg orgtest.Config) *loginRig {
	t.Helper()
	port := rig.FreePort(t)
	cfg.CallbackURL = fmt.Sprintf("http://localhost:%d/OauthRedirect", port)
	r := &loginRig{rig.New(t, cfg), port}
	if got := r.Run(t.Context(), "", "erase", "prod"); got.Status != 0 {
		t.Fatal(got.Stderr)
	}
	return r
}

// login logs in to prod with an HTTP client as the browser. The client answers "allow"
// or "deny". The app's secret is on stdin.
func (r *loginRig) login(t *testing.T, answer string, args ...string) rig.Result {
	t.Helper()
	all := append([]string{"login", "prod", "--no-browser", "--port", strconv.Itoa(r.port), "--client-secret-file", "-", "--client-id", r.Org.ClientID()}, args...)
	if !strings.Contains(strings.Join(args, " "), "--login-url") {
		all = append(all, "--login-url", r.Org.URL)
	}
	cmd := r.Command(t.Context(), all...)
	cmd.Stdin = strings.NewReader(r.Org.ClientSecret())
	return rig.RunLogin(t, cmd, func(address string) { r.browse(t, address, answer) })
}

// browse follows the org's pages to the end.
func (r *loginRig) browse(t *testing.T, address, answer string) {
	client := rig.OrgClient(t, r.Org)
	for _, step := range []string{"", "login", answer} {
		var resp *http.Response
		var err error
		if step == "" {
			resp, err = client.Get(address)
		} else {
			resp, err = client.PostForm(address, url.Values{"step": {step}})
		}
		if err != nil {
			t.Error(err)
			return
		}
		_ = resp.Body.Close()
		if resp.Request.URL.Hostname() == "localhost" {
			return // redirected to forcecred
		}
	}
}

// hides checks that a login showed no secret.
func (r *loginRig) hides(t *testing.T, got rig.Result) {
	t.Helper()
	if got.Stdout != "" || rig.ShowsSecret(got.Stderr, r.Org.Secrets()) {
		t.Errorf("stdout is %q, or stderr shows a secret", got.Stdout)
	}
}

// TestLogin checks the outcome of a login for each answer of the org.
func TestLogin(t *testing.T) {
	t.Parallel()
	openID := []string{"--scopes", "api refresh_token openid"}
	claim := func(name string, value any) *orgtest.Fault {
		return &orgtest.Fault{IDToken: map[string]any{name: value}}
	}
	for _, tt := range []struct {
		name   string
		scope  string
		args   []string
		clock  time.Duration // how far the org's clock is ahead
		fault  *orgtest.Fault
		status int
		says   string
		lives  bool // whether the org still has a grant
	}{
		{name: "good", status: 0, says: "logged in to prod as test-user@example.com", lives: true},
		{name: "openid", scope: "api refresh_token openid", args: openID, says: "logged in to prod", lives: true},
		{name: "my domain", scope: "api refresh_token openid", args: openID, fault: claim("iss", "https://acme.my.salesforce.com"), status: 8, says: "from another issuer"},
		{name: "nonce", scope: "api refresh_token openid", args: openID, fault: claim("nonce", "another"), status: 8, says: "belongs to another login"},
		{name: "no nonce", scope: "api refresh_token openid", args: openID, fault: claim("nonce", ""), status: 8, says: "belongs to another login"},
		{name: "audience", scope: "api refresh_token openid", args: openID, fault: claim("aud", "another-client"), status: 8, says: "not signed by Salesforce for this client"},
		{name: "ended", scope: "api refresh_token openid", args: openID, fault: claim("exp", 1), status: 8, says: "has expired"},
		{name: "foreign key", scope: "api refresh_token openid", args: openID, fault: &orgtest.Fault{ForeignKey: true}, status: 8, says: "not signed by Salesforce"},
		{name: "our clock is ahead", scope: "api refresh_token openid", args: openID, clock: -24 * time.Hour, says: "logged in to prod", lives: true},
		{name: "our clock is behind", scope: "api refresh_token openid", args: openID, clock: 24 * time.Hour, says: "logged in to prod", lives: true},
		{name: "no keys", scope: "api refresh_token openid", args: openID, fault: &orgtest.Fault{Endpoint: orgtest.Keys, Status: 429}, status: 7, says: "try again"},
		{name: "keys elsewhere", scope: "api refresh_token openid", args: openID, fault: &orgtest.Fault{Endpoint: orgtest.Keys, Status: 302, Header: http.Header{"Location": {"https://evil.example/"}}}, status: 8, says: "302"},
		{name: "keys without end", scope: "api refresh_token openid", args: openID, fault: &orgtest.Fault{Endpoint: orgtest.Keys, Pad: 10 << 20}, status: 7, says: "larger than 256 KiB"},
		{name: "no id token", scope: "api refresh_token openid", args: openID, fault: &orgtest.Fault{Fields: map[string]any{"id_token": nil}}, says: "logged in to prod", lives: true},
		{name: "no refresh token", fault: &orgtest.Fault{Fields: map[string]any{"refresh_token": nil}}, status: 8, says: "refresh_token (Perform requests at any time)", lives: true},
		{name: "scope", args: openID, status: 8, says: "invalid_scope"},
		{name: "foreign instance", fault: &orgtest.Fault{Fields: map[string]any{"instance_url": "https://evil.example"}}, status: 8, says: "instance_url does not name a Salesforce host"},
		{name: "signature", fault: &orgtest.Fault{Fields: map[string]any{"signature": "AAAA"}}, status: 8, says: "not signed with this client's secret"},
		{name: "lost", fault: &orgtest.Fault{End: orgtest.Reset, Commit: true}, status: 7, says: "try again", lives: true},
		{name: "echo", fault: &echoForm, status: 6, says: "invalid_grant", lives: true},
		{name: "no username", fault: &orgtest.Fault{Endpoint: orgtest.UserInfo, Status: 403, Body: []byte("Bad_OAuth_Token")}, says: "logged in to prod at https://", lives: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newLoginRig(t, orgtest.Config{Scope: tt.scope, ClientSecret: "test-client-secret-login", ClockOffset: tt.clock})
			if tt.fault != nil {
				r.Org.FailNext(1, *tt.fault)
			}
			got := r.login(t, "allow", tt.args...)
			if got.Status != tt.status || !strings.Contains(got.Stderr, tt.says) {
				t.Errorf("status %d, want %d, and %q in %s", got.Status, tt.status, tt.says, got.Stderr)
			}
			r.hides(t, got)
			if len(r.Org.Secrets()) > 0 && tt.name != "scope" && r.Org.Alive() != tt.lives {
				t.Errorf("the login lives at Salesforce: %v", r.Org.Alive())
			}
			known := r.Run(t.Context(), "", "get", "prod")
			if kept := known.Status == 0; kept != (tt.status == 0) {
				t.Errorf("get: status %d: %s", known.Status, known.Stderr)
			}
		})
	}
}

// echoForm is an org whose errors repeat the form.
var echoForm = orgtest.Fault{Reply: func(form url.Values) (int, []byte) {
	return http.StatusBadRequest, fmt.Appendf(nil, `{"error":"invalid_grant","error_description":"no code %s %s %s"}`, form.Get("code"), form.Get("code_verifier"), form.Get("client_secret"))
}}

// TestLoginOverExistingOrg: a login replaces an org of the same name only if it succeeds.
func TestLoginOverExistingOrg(t *testing.T) {
	t.Parallel()
	r := newLoginRig(t, orgtest.Config{Rotate: true})
	r.Store(t, "prod", r.Org)
	before := r.Run(t.Context(), "", "get", "prod").Token(t)
	if got := r.login(t, "deny"); got.Status != protocol.Refused.ExitStatus() {
		t.Fatalf("status %d: %s", got.Status, got.Stderr)
	}
	if after := r.Run(t.Context(), "", "get", "prod").Token(t); after != before {
		t.Error("a login that was denied changed what was kept")
	}
	if got := r.login(t, "allow"); got.Status != 0 {
		t.Fatalf("status %d: %s", got.Status, got.Stderr)
	}
	if after := r.Run(t.Context(), "", "get", "prod").Token(t); after == before || after != r.Org.AccessToken() {
		t.Error("the old login's token answers for the new one")
	}
	if r.StoredToken(t) != r.Org.RefreshToken() {
		t.Error("the stored refresh token is not the new login's")
	}
}

// TestLoginNeedsWritableKeystore: forcecred checks that it can store the login before it
// opens the browser.
func TestLoginNeedsWritableKeystore(t *testing.T) {
	t.Parallel()
	r := newLoginRig(t, orgtest.Config{})
	// Root ignores modes. So a file takes the place of the folder.
	if err := os.RemoveAll(filepath.Join(r.Home, "store")); err != nil {
		t.Fatal(err)
	}
	rig.WriteFile(t, filepath.Join(r.Home, "store"), nil)
	got := r.login(t, "allow")
	if got.Status != protocol.KeystoreUnavailable.ExitStatus() || strings.Contains(got.Stderr, "waiting") || r.Org.Count(orgtest.Authorize) != 0 {
		t.Errorf("status %d: %s", got.Status, got.Stderr)
	}
}

// TestLoginBesideSalesforceCLI: forcecred stores a login in its keystore, also if the
// Salesforce CLI is logged in to the org. So the keystore must be writable.
func TestLoginBesideSalesforceCLI(t *testing.T) {
	t.Parallel()
	r := newLoginRig(t, orgtest.Config{})
	rig.WriteFile(t, filepath.Join(r.Home, "config.json"), []byte(`{"version":1,"keystore":"file","fallback":"sf"}`))
	env := rig.SFLoginEnv(t, r.Rig, "other@example.com", "test-refresh-token-of-sf")
	login := func() rig.Result {
		t.Helper()
		cmd := r.Command(t.Context(), "login", "other@example.com", "--no-browser", "--port", strconv.Itoa(r.port),
			"--client-secret-file", "-", "--client-id", r.Org.ClientID(), "--login-url", r.Org.URL)
		cmd.Env = append(cmd.Env, env...)
		cmd.Stdin = strings.NewReader(r.Org.ClientSecret())
		return rig.RunLogin(t, cmd, func(address string) { r.browse(t, address, "allow") })
	}
	if got := login(); got.Status != 0 {
		t.Fatalf("status %d: %s", got.Status, got.Stderr)
	}
	if g, err := keystore.LoadGrant(t.Context(), r.OpenStore(), "other@example.com"); err != nil || g.RefreshToken.Reveal() != r.Org.RefreshToken() {
		t.Errorf("the login is not in the keystore: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(r.Home, "store")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(r.Home, "store")); err != nil {
		t.Skip("no link can be made here: ", err)
	}
	asked := r.Org.Count(orgtest.Authorize)
	if got := login(); got.Status != protocol.KeystoreUnavailable.ExitStatus() || strings.Contains(got.Stderr, "waiting") || r.Org.Count(orgtest.Authorize) != asked {
		t.Errorf("status %d: %s", got.Status, got.Stderr)
	}
}

// TestLoginUsageErrors checks the errors that forcecred reports before a login begins.
func TestLoginUsageErrors(t *testing.T) {
	t.Parallel()
	r := newLoginRig(t, orgtest.Config{})
	id := []string{"--client-id", "3MVG9.test"}
	for _, tt := range []struct {
		name   string
		args   []string
		env    string
		status int
		says   string
	}{
		{"no org", nil, "", 2, "takes one org"},
		{"no client id", []string{"prod"}, "", 2, "docs/external-client-app.md"},
		{"a host that is not Salesforce's", append(id, "prod", "--login-url", "https://evil.example"), "", 3, `forcecred: log in to "prod": login_url does not name a Salesforce host`},
		{"a site without its host", append(id, "prod", "--site", "/partners"), "", 2, "--login-url"},
		{"no port", append(id, "prod", "--port", "0"), "", 2, "--port"},
		{"no time", append(id, "prod", "--timeout", "-1s"), "", 2, "--timeout"},
		{"a client id of two lines", []string{"prod", "--client-id", "a\nb"}, "", 2, "--client-id"},
		{"scopes of two lines", append(id, "prod", "--scopes", "api\nfull"), "", 2, "--scopes"},
		{"no such file", append(id, "prod", "--client-secret-file", "test-client-secret-nosuch"), "", 2, "hint: name a file that holds the secret alone"},
		{"an empty file name", append(id, "prod", "--client-secret-file", ""), "", 2, "--client-secret-file has an empty value"},
		{"an empty client id", []string{"prod", "--client-id="}, "", 2, "--client-id has an empty value"},
		{"no file", append(id, "prod", "--client-secret-file", r.Home), "", 2, "read --client-secret-file: "},
		{"an empty secret", append(id, "prod", "--client-secret-file", "-"), "", 2, "secret is empty"},
		{"the Salesforce CLI's logins", append(id, "prod"), "FORCECRED_KEYSTORE=sf", 2, "sf org login web"},
	} {
		cmd := r.Command(t.Context(), append([]string{"login", "--no-browser"}, tt.args...)...)
		if tt.env != "" {
			cmd.Env = append(cmd.Env, tt.env)
		}
		got := rig.Finish(cmd)
		if got.Status != tt.status || !strings.Contains(got.Stderr, tt.says) || strings.Contains(got.Stderr, "waiting") {
			t.Errorf("%s: status %d, want %d: %s", tt.name, got.Status, tt.status, got.Stderr)
		}
		if strings.Contains(got.Stderr, "nosuch") {
			t.Errorf("%s: the words are repeated, and may be the secret itself", tt.name)
		}
	}
	if n := r.Org.Count(orgtest.Authorize); n != 0 {
		t.Errorf("the org was asked %d times", n)
	}
}

// TestLoginJSON: with --error-format json, forcecred prints the address as an object of
// its own, at once.
func TestLoginJSON(t *testing.T) {
	t.Parallel()
	r := newLoginRig(t, orgtest.Config{})
	got := rig.Finish(r.Command(t.Context(), "login", "prod", "--no-browser", "--error-format", "json", "--timeout", "300ms",
		"--port", strconv.Itoa(r.port), "--client-id", r.Org.ClientID(), "--login-url", r.Org.URL))
	lines := strings.Split(strings.TrimSpace(got.Stderr), "\n")
	if got.Status != protocol.TemporarilyUnavailable.ExitStatus() || len(lines) != 2 ||
		!strings.Contains(lines[0], `"notices":["waiting 300ms`) || !strings.Contains(lines[0], "/services/oauth2/authorize?") || !strings.Contains(lines[1], `"code":"temporarily_unavailable"`) {
		t.Errorf("status %d: %s", got.Status, got.Stderr)
	}
}
