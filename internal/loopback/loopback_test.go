package loopback

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// start listens on a free port, and waits for a redirect with the state "right".
func start(t *testing.T) (r *Receiver, wait func() (Redirect, error), cancel context.CancelFunc) {
	t.Helper()
	r, err := Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	ctx, cancel := context.WithCancel(t.Context())
	type outcome struct {
		Redirect
		error
	}
	done := make(chan outcome, 1)
	go func() {
		redirect, err := r.Wait(ctx, "right")
		done <- outcome{redirect, err}
	}()
	return r, func() (Redirect, error) { o := <-done; return o.Redirect, o.error }, cancel
}

// client follows no redirect.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// request sends one request, as change makes it.
func request(t *testing.T, method, url string, change func(*http.Request)) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// TestManyConnections: silent connections take a bounded number of descriptors. The redirect
// arrives when one of them ends.
func TestManyConnections(t *testing.T) {
	t.Parallel()
	r, err := Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.server.ReadHeaderTimeout, r.server.ReadTimeout = time.Hour, time.Hour // however slow the test is
	arrived := make(chan error, 1)
	go func() {
		_, err := r.Wait(t.Context(), "right")
		arrived <- err
	}()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port))
	var silent []net.Conn
	for range maxConnections {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		silent = append(silent, conn)
	}
	answered := make(chan int, 1)
	go func() {
		resp, err := client.Get("http://" + address + Path + "?state=right&code=test-code")
		if err != nil {
			answered <- 0
			return
		}
		defer resp.Body.Close()
		answered <- resp.StatusCode
	}()
	select {
	case status := <-answered:
		t.Errorf("one connection more was answered with %d", status)
	case <-time.After(200 * time.Millisecond):
	}
	silent[0].Close()
	if err := <-arrived; err != nil {
		t.Error(err)
	}
}

// TestOtherRequests: requests other than the redirect have no effect, and the redirect
// after them is received.
func TestOtherRequests(t *testing.T) {
	t.Parallel()
	r, wait, _ := start(t)
	base := strings.TrimSuffix(r.URI(), Path)
	for _, tt := range []struct {
		name, method, target string
		change               func(*http.Request)
		status               int
	}{
		{"icon", "GET", "/favicon.ico", nil, 404},
		{"root", "GET", "/", nil, 404},
		{"another path", "GET", "/OauthRedirect/?state=right&code=test-code", nil, 404},
		{"no query", "GET", Path, nil, 400},
		{"no state", "GET", Path + "?code=test-code", nil, 400},
		{"wrong state", "GET", Path + "?code=test-code&state=wrong", nil, 400},
		{"an error with a wrong state", "GET", Path + "?error=access_denied&state=wrong", nil, 400},
		{"a beginning of the state", "GET", Path + "?code=test-code&state=righ", nil, 400},
		{"two states", "GET", Path + "?code=test-code&state=right&state=right", nil, 400},
		{"two codes", "GET", Path + "?code=test-code&code=other&state=right", nil, 400},
		{"neither", "GET", Path + "?state=right", nil, 400},
		{"both", "GET", Path + "?state=right&code=test-code&error=access_denied", nil, 400},
		{"half a query", "GET", Path + "?state=right&code=test-code&x=%zz", nil, 400},
		{"post", "POST", Path + "?state=right&code=test-code", nil, 405},
		{"head", "HEAD", Path + "?state=right&code=test-code", nil, 405},
		{"preflight", "OPTIONS", Path, func(r *http.Request) { r.Header.Set("Access-Control-Request-Private-Network", "true") }, 204},
		{"rebound name", "GET", Path + "?state=right&code=test-code", func(r *http.Request) { r.Host = "evil.example:" + r.URL.Port() }, 421},
		{"another port's name", "GET", Path + "?state=right&code=test-code", func(r *http.Request) { r.Host = "localhost:1" }, 421},
		{"no port", "GET", Path + "?state=right&code=test-code", func(r *http.Request) { r.Host = "localhost" }, 421},
	} {
		resp := request(t, tt.method, base+tt.target, tt.change)
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != tt.status {
			t.Errorf("%s: status %d, want %d: %v", tt.name, resp.StatusCode, tt.status, err)
		}
		if strings.Contains(string(body), "test-code") || strings.Contains(string(body), "access_denied") {
			t.Errorf("%s: the answer repeats the request", tt.name)
		}
		if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: the headers are %v", tt.name, resp.Header)
		}
	}
	first := request(t, "GET", base+Path+"?state=right&code=test-code", func(r *http.Request) { r.Host = "127.0.0.1:" + r.URL.Port() })
	if first.StatusCode != http.StatusSeeOther || strings.Contains(first.Header.Get("Location"), "code") {
		t.Errorf("the redirect is answered with %d to %q", first.StatusCode, first.Header.Get("Location"))
	}
	if redirect, err := wait(); err != nil || redirect.Code.Reveal() != "test-code" || redirect.Error != "" {
		t.Errorf("got %+v, %v", redirect, err)
	}
	if again := request(t, "GET", base+Path+"?state=right&code=test-code", nil); again.StatusCode != http.StatusNotFound {
		t.Errorf("a second redirect is answered with %d", again.StatusCode)
	}
}

// TestPage: only the redirected browser gets the page, once, and the page loads no
// other resource.
func TestPage(t *testing.T) {
	t.Parallel()
	r, wait, _ := start(t)
	base := strings.TrimSuffix(r.URI(), Path)
	sent := request(t, "GET", base+Path+"?state=right&error=access_denied&error_description=no%20%3Cb%3E", nil)
	redirect, err := wait()
	if err != nil || redirect.Error != "access_denied" || redirect.ErrorDescription != "no <b>" || !redirect.Code.Empty() {
		t.Fatalf("got %+v, %v", redirect, err)
	}
	page := make(chan *http.Response, 1)
	go func() { page <- request(t, "GET", base+sent.Header.Get("Location"), nil) }()
	r.Show(Page{Title: "A <title>", Lines: []string{redirect.ErrorDescription, ""}})
	got := <-page
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	text := string(body)
	if got.StatusCode != 200 || !strings.Contains(text, "<h1>A &lt;title&gt;</h1>") || !strings.Contains(text, "<p>no &lt;b&gt;</p>") || strings.Contains(text, "<p></p>") {
		t.Errorf("status %d: %s", got.StatusCode, text)
	}
	if policy := got.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
	for _, outside := range []string{"http:", "https:", "//", "src=", "@import", "url(", "<script", " style="} {
		if strings.Contains(text, outside) {
			t.Errorf("the page has %q", outside)
		}
	}
	if again := request(t, "GET", base+sent.Header.Get("Location"), nil); again.StatusCode != http.StatusNotFound {
		t.Errorf("the page was sent a second time, with %d", again.StatusCode)
	}
}

// TestOwnHost: browsers omit port 80. They send a host in its normal form, so that the
// receiver accepts no other spelling.
func TestOwnHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "localhost:80": true, "127.0.0.1": true, "[::1]": true, "evil.example": false,
		"LOCALHOST": false, "localho\u017ft": false, "localhost.": false, "localhost\uff0e": false, "127.1": false, "[::ffff:127.0.0.1]": false,
	} {
		if got := (&Receiver{port: 80}).isOwnHost(host); got != want {
			t.Errorf("%s at port 80: %v", host, got)
		}
	}
}

func TestWaitEndsWithContext(t *testing.T) {
	t.Parallel()
	r, wait, cancel := start(t)
	request(t, "GET", r.URI()+"?state=wrong&code=test-code", nil)
	cancel()
	if _, err := wait(); !errors.Is(err, ErrStateMismatch) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	r.Close()
	if conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port))); err == nil {
		_ = conn.Close()
		t.Error("the port is still open")
	}

	_, wait, cancel = start(t)
	cancel()
	if _, err := wait(); errors.Is(err, ErrStateMismatch) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestListen: a receiver listens on both addresses of localhost, or on neither.
func TestListen(t *testing.T) {
	t.Parallel()
	r, err := Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	if want := "http://localhost:" + strconv.Itoa(r.port) + Path; r.URI() != want {
		t.Errorf("the redirect goes to %s, want %s", r.URI(), want)
	}
	if _, err := Listen(r.port); err == nil {
		t.Error("two receivers listen on one port")
	}
	r.Close()
	if !hasIPv6() {
		t.Skip("this machine has no ::1")
	}
	other, err := net.Listen("tcp", net.JoinHostPort("::1", strconv.Itoa(r.port)))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := Listen(r.port); err == nil {
		t.Error("another program listens on ::1, and could receive the code")
	}
	free, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)))
	if err != nil {
		t.Fatal("the other address is still open: ", err)
	}
	_ = free.Close()
}
