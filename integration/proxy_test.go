package integration

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"forcecred/internal/orgtest"
)

// myDomain is the name by which a proxy shows a stand-in org: one of
// Salesforce's, so that all holds that holds for a real org.
const myDomain = "acme.my.salesforce.com"

// proxy is an HTTP proxy on loopback that knows CONNECT alone.
type proxy struct {
	address string

	mu        sync.Mutex
	routes    map[string]string // to what address it connects for HOST:PORT
	sign      string            // USER:PASSWORD that it asks for, or ""
	challenge string            // with which it asks
	status    int               // with which it refuses all, or 0
	asked     []string          // HOST:PORT of each CONNECT
	agents    []string          // User-Agent of each CONNECT
}

// startProxy starts a proxy that ends with the test.
func startProxy(t *testing.T) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{address: listener.Addr().String(), routes: map[string]string{}, challenge: `Basic realm="test"`}
	p.serve(t, listener)
	return p
}

// serve answers on one more listener, until the test ends.
func (p *proxy) serve(t *testing.T, listener net.Listener) {
	server := &http.Server{Handler: p}
	t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }() // ends when the server is closed
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Host)
	p.agents = append(p.agents, r.UserAgent())
	route, sign, challenge, status := p.routes[r.Host], p.sign, p.challenge, p.status
	p.mu.Unlock()
	switch want := "Basic " + base64.StdEncoding.EncodeToString([]byte(sign)); {
	case r.Method != http.MethodConnect:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case sign != "" && r.Header.Get("Proxy-Authorization") != want:
		w.Header().Set("Proxy-Authenticate", challenge)
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	case status != 0:
		w.WriteHeader(status)
		return
	}
	out, err := net.Dial("tcp", route)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	in, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		out.Close()
		return
	}
	_, _ = io.WriteString(in, "HTTP/1.1 200 Connection established\r\n\r\n") // the client may have left
	relay(in, out)
}

// relay passes on what each side says until both have ended.
func relay(a, b net.Conn) {
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			way[0].Close()
		})
	}
	both.Wait()
}

// connects returns how often the proxy was asked to connect.
func (p *proxy) connects() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked)
}

// newProxiedRig returns a rig whose org is stored as prod at myDomain, which
// only p knows to reach. env is added to, or replaces, what says so.
func newProxiedRig(t *testing.T, p *proxy, cfg orgtest.Config, env ...string) *rig {
	t.Helper()
	cfg.Hosts = []string{myDomain}
	cfg.InstanceURL = "https://" + myDomain
	env = append([]string{"HTTPS_PROXY=http://" + p.address, "NO_PROXY=", "no_proxy="}, env...)
	r := newRigIn(t, filepath.Join(t.TempDir(), "home"), cfg, env...)
	p.mu.Lock()
	p.routes[myDomain+":443"] = strings.TrimPrefix(r.org.URL, "https://")
	p.mu.Unlock()
	r.storeAt(t, "prod", "https://"+myDomain)
	return r
}

// storeAt stores the rig's org as one that logs in at another URL than its own.
func (r *rig) storeAt(t *testing.T, name, loginURL string) {
	t.Helper()
	req := storeRequest(r.org, name, "")
	req.LoginURL, req.AllowHost = loginURL, !strings.HasSuffix(loginURL, myDomain)
	var text bytes.Buffer
	if err := req.Encode(&text); err != nil {
		t.Fatal(err)
	}
	if got := r.run(t.Context(), text.String(), "store"); got.status != 0 {
		t.Fatalf("store: status %d: %s", got.status, got.stderr)
	}
}

// TestProxy: an org behind a proxy is reached, by one connection for the refresh
// and the introspection that follows it.
func TestProxy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, sign, user string
		http1            bool
		proto            string
	}{
		{"HTTP/2", "", "", false, "HTTP/2.0"},
		{"HTTP/1.1", "", "", true, "HTTP/1.1"},
		{"signed in", "test-user:test-proxy:p@ss/word", "test-user:test-proxy%3Ap%40ss%2Fword@", false, "HTTP/2.0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := startProxy(t)
			p.sign = tt.sign
			r := newProxiedRig(t, p, orgtest.Config{Rotate: true, HTTP1: tt.http1}, "HTTPS_PROXY=http://"+tt.user+p.address)
			got := r.run(t.Context(), "", "get", "prod")
			if got.token(t) != r.org.AccessToken() || got.stderr != "" {
				t.Errorf("stderr: %s", got.stderr)
			}
			if !slices.Equal(p.asked, []string{myDomain + ":443"}) || !strings.HasPrefix(p.agents[0], "forcecred/") {
				t.Errorf("the proxy was asked for %q by %q", p.asked, p.agents)
			}
			requests := r.org.Requests()
			if len(requests) != 2 || requests[0].Proto != tt.proto || requests[1].Proto != tt.proto || requests[1].Endpoint != orgtest.Introspect {
				t.Errorf("the org was asked %v", requests)
			}
		})
	}
}

// TestProxyRefusals: what a proxy does is named as the proxy's, and nothing of
// its address is quoted.
func TestProxyRefusals(t *testing.T) {
	t.Parallel()
	hangUp := func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }
	echo := func(c net.Conn) { // answers with what it was sent, and so with the password
		buf := make([]byte, 4096)
		n, _ := c.Read(buf)
		head := string(buf[:n])
		_, authorization, _ := strings.Cut(head, "Proxy-Authorization: ")
		authorization, _, _ = strings.Cut(authorization, "\r\n")
		_, _ = io.WriteString(c, authorization+" \x1b[31m"+head)
	}
	endless := func(c net.Conn) {
		_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n")
		for err == nil {
			_, err = io.WriteString(c, "X-Endless: "+strings.Repeat("~", 4000)+"\r\n")
		}
	}
	// socks answers in SOCKS5, each time with the next of these.
	socks := func(answers ...string) func(string) string {
		return func(string) string {
			return "socks5://test-user:test-proxy-password@" + listen(t, func(c net.Conn) {
				for _, answer := range answers {
					if _, err := c.Read(make([]byte, 4096)); err != nil {
						return
					}
					_, _ = io.WriteString(c, answer)
				}
			})
		}
	}
	refused := func(reply string) string { return "\x05" + reply + "\x00\x01\x00\x00\x00\x00\x00\x00" }
	for _, tt := range []struct {
		name     string
		setup    func(*proxy)
		address  func(own string) string // what stands in HTTPS_PROXY
		connects int
		says     string
		hint     string
	}{
		{"no password given", func(p *proxy) { p.sign = "test-user:test-proxy-password" }, nil, 1, "the proxy in HTTPS_PROXY asks for a user and a password (HTTP 407)", "http://USER:PASSWORD@HOST:PORT"},
		{"wrong password", func(p *proxy) { p.sign = "test-user:test-proxy-other" }, func(a string) string { return "http://test-user:test-proxy-password@" + a }, 1, "does not accept the user or the password", "%XX"},
		{"Negotiate only", func(p *proxy) { p.sign, p.challenge = "test-user:x", "Negotiate" }, nil, 1, "asks for a way to sign in that forcecred does not have", "Basic alone"},
		{"Negotiate or Basic", func(p *proxy) { p.sign, p.challenge = "test-user:x", `Negotiate, Basic realm="test"` }, nil, 1, "asks for a user and a password (HTTP 407)", "http://USER:PASSWORD@HOST:PORT"},
		{"403", func(p *proxy) { p.status = 403 }, nil, 1, "does not let us through to the org's host (HTTP 403)", "whoever runs the proxy"},
		{"302", func(p *proxy) { p.status = 302 }, nil, 1, "does not let us through", "whoever runs the proxy"},
		{"502", func(p *proxy) { p.status = 502 }, nil, 4, "the proxy in HTTPS_PROXY can't reach the org's host (HTTP 502)", "check login_url"},
		{"closed port", nil, func(string) string { return "http://test-user:test-proxy-password@127.0.0.1:1" }, 0, "the proxy in HTTPS_PROXY can't be reached: ", "check HTTPS_PROXY"},
		{"unknown name", nil, func(string) string { return "http://test-user:test-proxy-password@proxy.invalid:3128" }, 0, "the proxy in HTTPS_PROXY can't be reached: ", "check HTTPS_PROXY"},
		{"not over TLS", nil, func(a string) string { return "https://test-user:test-proxy-password@" + a }, 0, "the proxy in HTTPS_PROXY does not speak TLS", "sign-in page"},
		{"SOCKS that is none", nil, func(string) string { return "socks5://test-user:test-proxy-password@" + listen(t, hangUp) }, 0, "the proxy in HTTPS_PROXY closed the connection", "check HTTPS_PROXY"},
		{"SOCKS with no such sign-in", nil, socks("\x05\xff"), 0, "the proxy in HTTPS_PROXY asks for a way to sign in that forcecred does not have", "can stand between"},
		{"SOCKS with another password", nil, socks("\x05\x02", "\x01\x01"), 0, "the proxy in HTTPS_PROXY does not accept the user or the password in it", "%XX"},
		{"SOCKS that bars the host", nil, socks("\x05\x02", "\x01\x00", refused("\x02")), 0, "the proxy in HTTPS_PROXY does not let us through to the org's host", "whoever runs the proxy"},
		{"SOCKS that can't reach the host", nil, socks("\x05\x00", refused("\x04")), 0, "the proxy in HTTPS_PROXY can't reach the org's host", "check login_url"},
		{"SOCKS of another version", nil, socks("\x04\x00"), 0, "the proxy in HTTPS_PROXY does not speak SOCKS5", "check HTTPS_PROXY"},
		{"closes", nil, func(string) string { return "http://" + listen(t, hangUp) }, 0, "the proxy in HTTPS_PROXY closed the connection", "check HTTPS_PROXY"},
		{"echoes", nil, func(string) string { return "http://test-user:test-proxy-password@" + listen(t, echo) }, 0, "the proxy in HTTPS_PROXY does not speak HTTP", "check HTTPS_PROXY"},
		{"endless headers", nil, func(string) string { return "http://" + listen(t, endless) }, 0, "the proxy in HTTPS_PROXY ", "check HTTPS_PROXY"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := startProxy(t)
			if tt.setup != nil {
				tt.setup(p)
			}
			var env []string
			if tt.address != nil {
				env = append(env, "HTTPS_PROXY="+tt.address(p.address))
			}
			r := newProxiedRig(t, p, orgtest.Config{Rotate: true}, env...)
			got := r.run(t.Context(), "", "get", "prod")
			if got.status != 7 || got.stdout != "" || !strings.Contains(got.stderr, tt.says) || !strings.Contains(got.stderr, "forcecred: hint: ") || !strings.Contains(got.stderr, tt.hint) {
				t.Errorf("status %d: %s", got.status, got.stderr)
			}
			if shows(got.stderr, []string{"test-user", "test-proxy", "dGVzd", "\x1b"}) || hasControl(got.stderr) {
				t.Errorf("stderr shows what it must not: %q", got.stderr)
			}
			if p.connects() != tt.connects || r.org.Count(orgtest.Token) != 0 {
				t.Errorf("%d connects, want %d; %d token requests", p.connects(), tt.connects, r.org.Count(orgtest.Token))
			}
		})
	}
}

// TestProxySetting: a proxy that is set and can't be used is not passed by.
func TestProxySetting(t *testing.T) {
	t.Parallel()
	p := startProxy(t)
	r := newProxiedRig(t, p, orgtest.Config{Rotate: true})
	for _, setting := range []string{
		"http://test-user:test-proxy-100%@" + p.address,
		"http://test-user:test-proxy pass@" + p.address,
		"http://test-user:test-proxy/pass@" + p.address,
		"http://test-user:test@test-proxy#pass@" + p.address,
		"http://test-user:test@test-proxy?pass@" + p.address,
		"http://test-user:test@test-proxy/pass@" + p.address,
		"ftp://" + p.address,
		"http://",
		"://",
	} {
		for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
			cmd := r.command(t.Context(), "get", "prod")
			cmd.Env = append(cmd.Env, "HTTPS_PROXY=", name+"="+setting)
			got := finish(cmd)
			if got.status != 2 || !strings.Contains(got.stderr, "use "+name+": it is not the URL of a proxy") || shows(got.stderr, []string{"test-user", "test-proxy"}) {
				t.Errorf("status %d: %s", got.status, got.stderr)
			}
		}
	}
	// Without a scheme it is an HTTP proxy, as usual.
	cmd := r.command(t.Context(), "get", "prod")
	cmd.Env = append(cmd.Env, "HTTPS_PROXY="+p.address)
	finish(cmd).token(t)
	if p.connects() != 1 {
		t.Errorf("%d connects, want 1", p.connects())
	}
}

// TestProxyOverTLS: a proxy may itself be spoken to over TLS, by roots that are trusted.
func TestProxyOverTLS(t *testing.T) {
	t.Parallel()
	front, err := orgtest.Start(orgtest.Config{}) // for its certificate
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(front.Close)
	p := startProxy(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.serve(t, tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{front.TLSCertificate()}}))
	r := newProxiedRig(t, p, orgtest.Config{Rotate: true}, "HTTPS_PROXY=https://"+listener.Addr().String())
	got := r.run(t.Context(), "", "get", "prod")
	if got.status != 7 || !strings.Contains(got.stderr, "the proxy in HTTPS_PROXY shows a certificate signed by unknown authority") {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
	r.env = append(r.env, "FORCECRED_CA_FILE="+writePEM(t, slices.Concat(front.CAPEM(), r.org.CAPEM())))
	r.run(t.Context(), "", "get", "prod").token(t)
	if p.connects() != 1 {
		t.Errorf("%d connects, want 1", p.connects())
	}
	// The host's own certificate is still the host's.
	r.env = append(r.env, "FORCECRED_CA_FILE="+writePEM(t, front.CAPEM()))
	got = r.run(t.Context(), "", "get", "prod", "--force")
	if got.status != 7 || !strings.Contains(got.stderr, "the host shows a certificate signed by unknown authority") {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
}

// TestProxyIsPassedBy: loopback is never asked of a proxy, nor what NO_PROXY names.
func TestProxyIsPassedBy(t *testing.T) {
	t.Parallel()
	p := startProxy(t)
	r := newProxiedRig(t, p, orgtest.Config{Rotate: true})
	port := r.org.URL[strings.LastIndex(r.org.URL, ":"):]
	for _, url := range []string{r.org.URL, "https://localhost" + port} {
		r.storeAt(t, "near", url)
		r.run(t.Context(), "", "get", "near", "--force").token(t)
	}
	if p.connects() != 0 {
		t.Errorf("the proxy was asked for %q", p.asked)
	}
	// A name that nobody can look up but the proxy shows who was asked.
	r.storeAt(t, "far", "https://acme.invalid")
	r.storeAt(t, "far-port", "https://acme.invalid:8443")
	for _, tt := range []struct {
		org      string
		except   string
		connects int
		says     string
	}{
		{"far", "", 4, "the proxy in HTTPS_PROXY can't reach the org's host"},
		{"far", "example.com, .invalid", 0, "the name acme.invalid can't be looked up"},
		{"far", "acme.invalid:443", 0, "the name acme.invalid can't be looked up"},
		{"far-port", "acme.invalid:443", 4, "the proxy in HTTPS_PROXY can't reach the org's host"},
		{"far-port", "acme.invalid:8443", 0, "the name acme.invalid can't be looked up"},
		{"far", "*", 0, "the name acme.invalid can't be looked up"},
		{"far", "example.com acme.invalid\texample.org", 0, "the name acme.invalid can't be looked up"},
		{"far", "*.invalid", 0, "the name acme.invalid can't be looked up"},
		{"far", "acme.invalid:8443", 4, "the proxy in HTTPS_PROXY can't reach the org's host"},
	} {
		before := p.connects()
		cmd := r.command(t.Context(), "get", tt.org)
		cmd.Env = append(cmd.Env, "NO_PROXY="+tt.except)
		if got := finish(cmd); got.status != 7 || !strings.Contains(got.stderr, tt.says) || !strings.Contains(got.stderr, "forcecred: hint: check login_url") {
			t.Errorf("%s, NO_PROXY=%s: status %d: %s", tt.org, tt.except, got.status, got.stderr)
		}
		if n := p.connects() - before; n != tt.connects {
			t.Errorf("%s, NO_PROXY=%s: %d connects, want %d", tt.org, tt.except, n, tt.connects)
		}
	}
}

// TestNoProxyAsCurl: what separates the entries of NO_PROXY for curl separates them
// here. What neither can read goes through the proxy, and forcecred says which entry
// that is, once.
func TestNoProxyAsCurl(t *testing.T) {
	t.Parallel()
	needTool(t, "curl")
	for _, tt := range []struct {
		except string
		warns  string // "" is no warning
	}{
		{"acme.invalid", ""},
		{"example.com,acme.invalid", ""},
		{"example.com , acme.invalid", ""},
		{"example.com acme.invalid", ""},
		{"example.com\tacme.invalid", ""},
		{",,acme.invalid,", ""},
		{".invalid", ""},
		{"invalid", ""},
		{"ACME.invalid", ""},
		{"example.com", ""},
		{"example.com;acme.invalid", `"example.com;acme.invalid"`},
		{"https://acme.invalid", `"https://acme.invalid"`},
		{"acme.invalid/", `"acme.invalid/"`},
		{"example.com,acme.invalid/path", `"acme.invalid/path"`},
		{"https://user:test-password@acme.invalid", "one with a user or a password"},
	} {
		t.Run(tt.except, func(t *testing.T) {
			t.Parallel()
			p := startProxy(t)
			r := newProxiedRig(t, p, orgtest.Config{Rotate: true}, "NO_PROXY="+tt.except)
			curl := exec.CommandContext(t.Context(), "curl", "--silent", "https://acme.invalid")
			curl.Env = append(r.env, "PATH="+os.Getenv("PATH"))
			_ = curl.Run() // it fails either way; the proxy knows which
			byCurl := p.connects() > 0
			before := p.connects()
			r.storeAt(t, "far", "https://acme.invalid")
			got := r.run(t.Context(), "", "get", "far")
			if byUs := p.connects() > before; byUs != byCurl {
				t.Errorf("through the proxy: curl %v, forcecred %v", byCurl, byUs)
			}
			warnings := strings.Count(got.stderr, "NO_PROXY has entries")
			if tt.warns == "" && warnings != 0 || tt.warns != "" && (warnings != 1 || !strings.Contains(got.stderr, tt.warns)) {
				t.Errorf("stderr: %s", got.stderr)
			}
			if strings.Contains(got.stderr, "test-password") {
				t.Error("a password is shown")
			}
		})
	}
}

// writePEM writes certificates to a file and returns its path.
func writePEM(t *testing.T, certificates []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(path, certificates, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
