package chromium

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"forcecred/internal/orgtest"
	"forcecred/keystore"
	"forcecred/keystore/agefile"
	"forcecred/protocol"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// logIn follows the org's pages up to the user's answer, "#allow" or "#deny", and returns
// the heading of forcecred's page that follows.
func logIn(t *testing.T, tab context.Context, address, answer string) (heading string) {
	t.Helper()
	do(t, tab, chromedp.Navigate(address), chromedp.Click("#login"), chromedp.Click(answer))
	return ourPage(t, tab)
}

// mainText returns the text of forcecred's page.
const mainText = `document.querySelector("main").innerText`

func TestAllow(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]orgtest.Config{
		"secret":   {ClientSecret: clientSecret},
		"public":   {},
		"rotating": {ClientSecret: clientSecret, Rotate: true},
		"openid":   {ClientSecret: clientSecret, Scope: "api refresh_token openid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tab := newTab(t)
			r := newRig(t, cfg)
			var args []string
			if cfg.Scope != "" {
				args = append(args, "--scopes", cfg.Scope)
			}
			l := r.login(t, args...)
			if heading := logIn(t, tab, l.address, "#allow"); heading != "You are logged in to prod" {
				t.Errorf("the page says %q", heading)
			}
			location, text := ask[string](t, tab, "location.href"), ask[string](t, tab, mainText)
			if strings.Contains(location, "?") || strings.Contains(location, "code") {
				t.Error("the code is still in the address bar: ", location)
			}
			if !strings.Contains(text, "test-user@example.com at "+r.URL) || !strings.Contains(text, "close this window") {
				t.Errorf("the page says %q", text)
			}
			got := l.end(t)
			for _, want := range []string{"waiting 2m for the browser to log in to prod", "logged in to prod as test-user@example.com at " + r.URL, "keystore file"} {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("stderr does not say %q: %s", want, got.stderr)
				}
			}
			if got.status != 0 || got.stdout != "" || strings.Contains(got.stderr, "a browser speaks") {
				t.Errorf("status %d, stdout %q, stderr %s", got.status, got.stdout, got.stderr)
			}
			if strings.Contains(got.stderr, "test-refresh") || strings.Contains(got.stderr, "test-code") || strings.Contains(got.stderr, clientSecret) {
				t.Error("stderr shows a secret")
			}

			// The login's access token is in the cache, so no refresh is needed.
			token := r.run(t, "get", "prod", "--format", "token")
			if token.status != 0 || strings.TrimSpace(token.stdout) != r.AccessToken() || r.Count(orgtest.Token) != 1 {
				t.Errorf("status %d after %d token requests: %s", token.status, r.Count(orgtest.Token), token.stderr)
			}
			if again := r.run(t, "get", "prod", "--force"); again.status != 0 || r.Commits() != 1 {
				t.Errorf("a refresh: status %d, %d commits: %s", again.status, r.Commits(), again.stderr)
			}
			if out := r.run(t, "logout", "prod"); out.status != 0 || out.stderr != "" || r.Alive() {
				t.Errorf("logout: status %d, the grant is alive: %v: %s", out.status, r.Alive(), out.stderr)
			}
			if gone := r.run(t, "get", "prod"); gone.status != protocol.OrgNotFound.ExitStatus() {
				t.Errorf("after the logout, get ends with %d: %s", gone.status, gone.stderr)
			}
		})
	}
}

func TestDeny(t *testing.T) {
	t.Parallel()
	tab := newTab(t)
	r := newRig(t, orgtest.Config{})
	l := r.login(t)
	if heading := logIn(t, tab, l.address, "#deny"); heading != "You are not logged in to prod" {
		t.Errorf("the page says %q", heading)
	}
	if text := ask[string](t, tab, mainText); !strings.Contains(text, "\nSalesforce says access_denied: end-user denied authorization.\n") {
		t.Errorf("the page says %q", text)
	}
	got := l.end(t)
	if got.status != protocol.Refused.ExitStatus() || !strings.Contains(got.stderr, "access_denied: end-user denied authorization") || !strings.Contains(got.stderr, "allow the access") {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
	r.stillUnknown(t)
}

// stillUnknown checks that a failed login stored nothing.
func (r *rig) stillUnknown(t *testing.T) {
	t.Helper()
	if got := r.run(t, "get", "prod"); got.status != protocol.OrgNotFound.ExitStatus() {
		t.Errorf("after a login that failed, get ends with %d: %s", got.status, got.stderr)
	}
}

// TestWords: text that comes with the redirect is shown without harm.
func TestWords(t *testing.T) {
	t.Parallel()
	tab := newTab(t)
	r := newRig(t, orgtest.Config{})
	r.FailNext(orgtest.Always, orgtest.Fault{Endpoint: orgtest.Authorize, Redirect: func(query url.Values) {
		query.Del("code")
		query.Set("error", "OAUTH_APP_BLOCKED")
		query.Set("error_description", "<script>document.title='pwned'</script>\x1b[31mthis app is blocked by admin\r\nforcecred: logged in")
	}})
	l := r.login(t)
	logIn(t, tab, l.address, "#allow")
	title, text := ask[string](t, tab, "document.title"), ask[string](t, tab, mainText)
	if strings.Contains(title, "pwned") || !strings.Contains(text, "<script>") {
		t.Errorf("the page is titled %q and says %q", title, text)
	}
	got := l.end(t)
	if got.status != protocol.Refused.ExitStatus() || !strings.Contains(got.stderr, "OAUTH_APP_BLOCKED") || !strings.Contains(got.stderr, "install or unblock it") {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
	if strings.Contains(got.stderr, "\x1b") || strings.Contains(got.stderr, "\nforcecred: logged in") {
		t.Errorf("stderr was forged: %q", got.stderr)
	}
}

// TestWrongState: a forged redirect does not end the login, which then succeeds.
func TestWrongState(t *testing.T) {
	t.Parallel()
	tab := newTab(t)
	r := newRig(t, orgtest.Config{})
	l := r.login(t)
	do(t, tab, chromedp.Navigate(fmt.Sprintf("http://localhost:%d/OauthRedirect?error=access_denied&state=made-up", r.port)))
	if heading := ourPage(t, tab); heading != "forcecred is not waiting for this login" {
		t.Errorf("the page says %q", heading)
	}
	select {
	case got := <-l.done:
		t.Fatalf("a made-up redirect ended the login: %+v", got)
	default:
	}
	logIn(t, tab, l.address, "#allow")
	if got := l.end(t); got.status != 0 {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
}

// TestSecondRedirect: a second redirect gets status 404, and after the login the port is
// closed.
func TestSecondRedirect(t *testing.T) {
	t.Parallel()
	tab := newTab(t)
	r := newRig(t, orgtest.Config{})
	r.FailNext(1, orgtest.Fault{Endpoint: orgtest.Token, AnswerDelay: time.Second}) // the login still runs meanwhile
	redirects := make(chan string, 1)
	r.FailNext(orgtest.Always, orgtest.Fault{Endpoint: orgtest.Authorize, Redirect: func(query url.Values) {
		redirects <- fmt.Sprintf("http://localhost:%d/OauthRedirect?%s", r.port, query.Encode())
	}})
	l := r.login(t)
	second := make(chan int, 1)
	go func() {
		redirect := <-redirects
		for r.Count(orgtest.Token) == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		resp, err := http.Get(redirect)
		if err != nil {
			second <- 0 // the login has ended already
			return
		}
		_ = resp.Body.Close()
		second <- resp.StatusCode
	}()
	logIn(t, tab, l.address, "#allow")
	if got := l.end(t); got.status != 0 {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
	if status := <-second; status != http.StatusNotFound && status != 0 {
		t.Errorf("the second redirect was answered with %d", status)
	}
	if err := chromedp.Do(tab, chromedp.Navigate(fmt.Sprintf("http://localhost:%d/OauthRedirect", r.port))); err == nil {
		t.Error("somebody still listens")
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	r := newRig(t, orgtest.Config{})
	l := r.login(t, "--timeout", "500ms") // no browser answers
	if got := l.end(t); got.status != protocol.TemporarilyUnavailable.ExitStatus() || !strings.Contains(got.stderr, "within 500ms") || !strings.Contains(got.stderr, "--timeout") {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
	r.stillUnknown(t)
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1", "[::1]"} {
		r := newRig(t, orgtest.Config{})
		l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", address, r.port))
		if err != nil {
			t.Logf("%s: not of this machine: %v", address, err)
			continue
		}
		got := r.run(t, "login", "prod", "--port", strconv.Itoa(r.port), "--login-url", r.URL, "--client-id", r.ClientID())
		if got.status != protocol.TemporarilyUnavailable.ExitStatus() || !strings.Contains(got.stderr, fmt.Sprintf("port %d", r.port)) || !strings.Contains(got.stderr, "--port") {
			t.Errorf("%s: status %d: %s", address, got.status, got.stderr)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestOtherChallenge: the org rejects a code that it issued for another challenge.
func TestOtherChallenge(t *testing.T) {
	t.Parallel()
	tab := newTab(t)
	r := newRig(t, orgtest.Config{})
	r.FailNext(orgtest.Always, orgtest.Fault{Endpoint: orgtest.Authorize, Query: func(query url.Values) {
		query.Set("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM") // RFC 7636, appendix B
	}})
	l := r.login(t)
	if heading := logIn(t, tab, l.address, "#allow"); heading != "You are not logged in to prod" {
		t.Errorf("the page says %q", heading)
	}
	if got := l.end(t); got.status != protocol.Refused.ExitStatus() || !strings.Contains(got.stderr, "invalid code verifier") || !strings.Contains(got.stderr, "another request") {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
	r.stillUnknown(t)
}

// TestPage saves screenshots of the page if it runs with -artifacts, and checks that the
// page loads nothing else.
func TestPage(t *testing.T) {
	t.Parallel()
	tab := newTab(t)
	for _, answer := range []string{"allow", "deny"} {
		r := newRig(t, orgtest.Config{})
		l := r.login(t)
		// The page is served once. After that, only its style changes.
		logIn(t, tab, l.address, "#"+answer)
		l.end(t)
		for _, look := range []struct {
			scheme string
			width  int64
		}{{"light", 900}, {"dark", 900}, {"light", 360}, {"dark", 360}} {
			do(t, tab, chromedp.EmulateViewport(look.width, 640, chromedp.EmulateScale(2)))
			media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.scheme}}}
			if _, err := chromedp.Call(tab, emulation.SetEmulatedMedia, media); err != nil {
				t.Fatal(err)
			}
			ground := ask[string](t, tab, `getComputedStyle(document.body).backgroundColor`)
			wide := ask[bool](t, tab, `document.documentElement.scrollWidth > innerWidth`)
			shot, err := chromedp.Run(tab, chromedp.CaptureScreenshot())
			if err != nil {
				t.Fatal(err)
			}
			if bright := brightness(t, ground); bright != (look.scheme == "light") {
				t.Errorf("%s %s: the ground is %s", answer, look.scheme, ground)
			}
			if wide {
				t.Errorf("%s at %d: it is wider than the window", answer, look.width)
			}
			name := fmt.Sprintf("%s-%s-%d.png", answer, look.scheme, look.width)
			if err := os.WriteFile(filepath.Join(t.ArtifactDir(), name), shot, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if resources := ask[int](t, tab, `performance.getEntriesByType("resource").length`); resources != 0 {
			t.Errorf("%s: the page fetches %d things", answer, resources)
		}
	}
}

// brightness reports whether a CSS color is nearer to white than to black.
func brightness(t *testing.T, colour string) bool {
	t.Helper()
	parts := regexp.MustCompile(`\d+`).FindAllString(colour, 3)
	sum := 0
	for _, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	if len(parts) != 3 {
		t.Fatalf("%q is no colour", colour)
	}
	return sum > 3*128
}

// TestSignInAgain: a login replaces a dead grant. It needs only the org's name, because the
// rest is stored.
func TestSignInAgain(t *testing.T) {
	t.Parallel()
	tab := newTab(t)
	r := newRig(t, orgtest.Config{ClientSecret: clientSecret, Rotate: true})
	l := r.login(t)
	logIn(t, tab, l.address, "#allow")
	if got := l.end(t); got.status != 0 {
		t.Fatalf("status %d: %s", got.status, got.stderr)
	}
	r.Revoke()
	if got := r.run(t, "get", "prod", "--force"); got.status != protocol.SignInAgain.ExitStatus() {
		t.Fatalf("status %d: %s", got.status, got.stderr)
	}
	l = r.start(t, "login", "prod", "--port", strconv.Itoa(r.port))
	logIn(t, tab, l.address, "#allow")
	if got := l.end(t); got.status != 0 {
		t.Fatalf("status %d: %s", got.status, got.stderr)
	}
	grant, err := keystore.LoadGrant(t.Context(), agefile.New(agefile.Config{Dir: r.home, IdentityFile: filepath.Join(r.home, "identity.txt")}), "prod")
	if err != nil || grant.ClientSecret.Reveal() != clientSecret || grant.LoginURL != r.URL || grant.RefreshToken.Reveal() != r.RefreshToken() || grant.Rotates != nil {
		t.Errorf("the record is not the new login's: %v", err)
	}
}
