package fosite

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"forcecred/internal/orgtest"
	"forcecred/protocol"

	"github.com/ory/fosite"
)

// authorize is fosite's documented authorization endpoint, with a user who allows
// everything. A test can replace the request's code challenge.
func (o *org) authorize(w http.ResponseWriter, r *http.Request) {
	o.turn.Lock()
	defer o.turn.Unlock()
	ctx := r.Context()
	if other := o.challenge.Load(); other != nil {
		query := r.URL.Query()
		query.Set("code_challenge", *other)
		r.URL.RawQuery = query.Encode()
	}
	request, err := o.provider.NewAuthorizeRequest(ctx, r)
	if err != nil {
		o.provider.WriteAuthorizeError(ctx, w, request, err)
		return
	}
	for _, scope := range request.GetRequestedScopes() {
		request.GrantScope(scope)
	}
	consent, err := o.provider.NewAuthorizeResponse(ctx, request, &fosite.DefaultSession{Username: "test-user@example.com", Subject: "test-user"})
	if err != nil {
		o.provider.WriteAuthorizeError(ctx, w, request, err)
		return
	}
	o.provider.WriteAuthorizeResponse(ctx, w, request, consent)
}

// login runs forcecred login, with a browser that is an HTTP client.
func (r *rig) login(t *testing.T) (status int, stderr string) {
	t.Helper()
	port, err := orgtest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	client := r.store.Clients[clientID].(*fosite.DefaultOpenIDConnectClient)
	client.RedirectURIs = append(client.RedirectURIs, fmt.Sprintf("http://localhost:%d/OauthRedirect", port))

	cmd := exec.CommandContext(t.Context(), binary, "login", "prod", "--no-browser", "--port", strconv.Itoa(port),
		"--login-url", r.URL, "--client-id", clientID, "--client-secret-file", "-")
	cmd.Env = append(os.Environ(), "FORCECRED_KEYSTORE=file", "FORCECRED_HOME="+r.home, "FORCECRED_CA_FILE="+r.ca)
	cmd.Stdin = strings.NewReader(clientSecret)
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	lines := bufio.NewScanner(io.TeeReader(pipe, &said))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "https://") {
			go r.browse(t, lines.Text())
		}
	}
	_ = cmd.Wait() // the test checks the status
	return cmd.ProcessState.ExitCode(), said.String()
}

func (r *rig) browse(t *testing.T, address string) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(r.rootPEM())
	browser := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	resp, err := browser.Get(address)
	if err != nil {
		t.Error(err)
		return
	}
	_ = resp.Body.Close()
}

// TestLogin: fosite accepts the code and checks the challenge.
func TestLogin(t *testing.T) {
	r := newRig(t)
	before := r.stored(t)
	if status, stderr := r.login(t); status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	after := r.stored(t)
	if after == before || !r.isCurrent(t.Context(), after) {
		t.Error("the stored refresh token is not the login's")
	}
	get := r.process(t)
	posts := r.posts.Load()
	if _, err := get(t.Context(), false); err != nil || r.posts.Load() != posts {
		t.Errorf("the login's access token is not in the cache: %v", err)
	}
	if _, err := get(t.Context(), true); err != nil || !r.isCurrent(t.Context(), r.stored(t)) {
		t.Errorf("the login can't be refreshed: %v", err)
	}

	other := "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636, appendix B
	r.challenge.Store(&other)
	kept := r.stored(t)
	if status, stderr := r.login(t); status != protocol.SignInAgain.ExitStatus() || !strings.Contains(stderr, "invalid_grant") {
		t.Errorf("a code for another challenge: status %d: %s", status, stderr)
	}
	if r.stored(t) != kept || !r.isCurrent(t.Context(), kept) {
		t.Error("a login that failed has changed what was kept")
	}
	t.Log("fosite: login by code and PKCE (S256): taken, kept, refreshed; with another challenge: refused")
}
