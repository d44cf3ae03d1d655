package network

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestProxy: forcecred reaches an org through a proxy. The refresh and the
// introspection share one connection.
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
			p := rig.StartProxy(t)
			p.Password = tt.sign
			r := rig.NewProxiedRig(t, p, orgtest.Config{Rotate: true, HTTP1: tt.http1}, "HTTPS_PROXY=http://"+tt.user+p.Address)
			got := r.Run(t.Context(), "", "get", "prod")
			if got.Token(t) != r.Org.AccessToken() || got.Stderr != "" {
				t.Errorf("stderr: %s", got.Stderr)
			}
			if !slices.Equal(p.Asked, []string{rig.MyDomain + ":443"}) || !strings.HasPrefix(p.Agents[0], "forcecred/") {
				t.Errorf("the proxy was asked for %q by %q", p.Asked, p.Agents)
			}
			requests := r.Org.Requests()
			if len(requests) != 2 || requests[0].Proto != tt.proto || requests[1].Proto != tt.proto || requests[1].Endpoint != orgtest.Introspect {
				t.Errorf("the org was asked %v", requests)
			}
		})
	}
}

// TestProxyRefusals: an error names the proxy as the one that failed, and does not
// quote its address.
func TestProxyRefusals(t *testing.T) {
	t.Parallel()
	hangUp := func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }
	echo := func(c net.Conn) { // sends its input back, and so the password
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
	// socks is a SOCKS5 server that sends these answers in turn.
	socks := func(answers ...string) func(string) string {
		return func(string) string {
			return "socks5://test-user:test-proxy-password@" + rig.Listen(t, func(c net.Conn) {
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
		setup    func(*rig.Proxy)
		address  func(own string) string // the value of HTTPS_PROXY
		connects int
		says     string
		hint     string
	}{
		{"no password given", func(p *rig.Proxy) { p.Password = "test-user:test-proxy-password" }, nil, 1, "the proxy in HTTPS_PROXY requires a user name and a password (HTTP 407)", "http://USER:PASSWORD@HOST:PORT"},
		{"wrong password", func(p *rig.Proxy) { p.Password = "test-user:test-proxy-other" }, func(a string) string { return "http://test-user:test-proxy-password@" + a }, 1, "does not accept the user name or the password", "%XX"},
		{"Negotiate only", func(p *rig.Proxy) { p.Password, p.Challenge = "test-user:x", "Negotiate" }, nil, 1, "requires an authentication scheme that forcecred does not support", "Basic authentication only"},
		{"Negotiate or Basic", func(p *rig.Proxy) { p.Password, p.Challenge = "test-user:x", `Negotiate, Basic realm="test"` }, nil, 1, "requires a user name and a password (HTTP 407)", "http://USER:PASSWORD@HOST:PORT"},
		{"403", func(p *rig.Proxy) { p.Status = 403 }, nil, 1, "does not allow connections to the org's host (HTTP 403)", "the proxy's operator"},
		{"302", func(p *rig.Proxy) { p.Status = 302 }, nil, 1, "does not allow connections", "the proxy's operator"},
		{"502", func(p *rig.Proxy) { p.Status = 502 }, nil, 4, "the proxy in HTTPS_PROXY cannot reach the org's host (HTTP 502)", "check login_url"},
		{"closed port", nil, func(string) string { return "http://test-user:test-proxy-password@127.0.0.1:1" }, 0, "the proxy in HTTPS_PROXY is unreachable: ", "check HTTPS_PROXY"},
		{"unknown name", nil, func(string) string { return "http://test-user:test-proxy-password@proxy.invalid:3128" }, 0, "the proxy in HTTPS_PROXY is unreachable: ", "check HTTPS_PROXY"},
		{"not over TLS", nil, func(a string) string { return "https://test-user:test-proxy-password@" + a }, 0, "the proxy in HTTPS_PROXY does not speak TLS", "sign-in page"},
		{"SOCKS that is none", nil, func(string) string { return "socks5://test-user:test-proxy-password@" + rig.Listen(t, hangUp) }, 0, "the proxy in HTTPS_PROXY closed the connection", "check HTTPS_PROXY"},
		{"SOCKS with no such sign-in", nil, socks("\x05\xff"), 0, "the proxy in HTTPS_PROXY requires an authentication scheme that forcecred does not support", "run a local proxy"},
		{"SOCKS with another password", nil, socks("\x05\x02", "\x01\x01"), 0, "the proxy in HTTPS_PROXY does not accept the user name or the password in it", "%XX"},
		{"SOCKS that bars the host", nil, socks("\x05\x02", "\x01\x00", refused("\x02")), 0, "the proxy in HTTPS_PROXY does not allow connections to the org's host", "the proxy's operator"},
		{"SOCKS that can't reach the host", nil, socks("\x05\x00", refused("\x04")), 0, "the proxy in HTTPS_PROXY cannot reach the org's host", "check login_url"},
		{"SOCKS of another version", nil, socks("\x04\x00"), 0, "the proxy in HTTPS_PROXY does not speak SOCKS5", "check HTTPS_PROXY"},
		{"closes", nil, func(string) string { return "http://" + rig.Listen(t, hangUp) }, 0, "the proxy in HTTPS_PROXY closed the connection", "check HTTPS_PROXY"},
		{"echoes", nil, func(string) string { return "http://test-user:test-proxy-password@" + rig.Listen(t, echo) }, 0, "the proxy in HTTPS_PROXY does not speak HTTP", "check HTTPS_PROXY"},
		{"endless headers", nil, func(string) string { return "http://" + rig.Listen(t, endless) }, 0, "the proxy in HTTPS_PROXY ", "check HTTPS_PROXY"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := rig.StartProxy(t)
			if tt.setup != nil {
				tt.setup(p)
			}
			var env []string
			if tt.address != nil {
				env = append(env, "HTTPS_PROXY="+tt.address(p.Address))
			}
			r := rig.NewProxiedRig(t, p, orgtest.Config{Rotate: true}, env...)
			got := r.Run(t.Context(), "", "get", "prod")
			if got.Status != 7 || got.Stdout != "" || !strings.Contains(got.Stderr, tt.says) || !strings.Contains(got.Stderr, "forcecred: hint: ") || !strings.Contains(got.Stderr, tt.hint) {
				t.Errorf("status %d: %s", got.Status, got.Stderr)
			}
			if rig.ShowsSecret(got.Stderr, []string{"test-user", "test-proxy", "dGVzd", "\x1b"}) || rig.HasControl(got.Stderr) {
				t.Errorf("stderr shows what it must not: %q", got.Stderr)
			}
			if p.Connects() != tt.connects || r.Org.Count(orgtest.Token) != 0 {
				t.Errorf("%d connects, want %d; %d token requests", p.Connects(), tt.connects, r.Org.Count(orgtest.Token))
			}
		})
	}
}

// TestUnusableProxy: forcecred does not bypass a proxy that is set but unusable.
func TestUnusableProxy(t *testing.T) {
	t.Parallel()
	p := rig.StartProxy(t)
	r := rig.NewProxiedRig(t, p, orgtest.Config{Rotate: true})
	for _, setting := range []string{
		"http://test-user:test-proxy-100%@" + p.Address,
		"http://test-user:test-proxy pass@" + p.Address,
		"http://test-user:test-proxy/pass@" + p.Address,
		"http://test-user:test@test-proxy#pass@" + p.Address,
		"http://test-user:test@test-proxy?pass@" + p.Address,
		"http://test-user:test@test-proxy/pass@" + p.Address,
		"ftp://" + p.Address,
		"http://",
		"://",
	} {
		for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
			cmd := r.Command(t.Context(), "get", "prod")
			cmd.Env = append(cmd.Env, "HTTPS_PROXY=", name+"="+setting)
			got := rig.Finish(cmd)
			if got.Status != 2 || !strings.Contains(got.Stderr, "use "+name+": it is not the URL of a proxy") || rig.ShowsSecret(got.Stderr, []string{"test-user", "test-proxy"}) {
				t.Errorf("status %d: %s", got.Status, got.Stderr)
			}
		}
	}
	// Without a scheme it is an HTTP proxy, as usual.
	cmd := r.Command(t.Context(), "get", "prod")
	cmd.Env = append(cmd.Env, "HTTPS_PROXY="+p.Address)
	rig.Finish(cmd).Token(t)
	if p.Connects() != 1 {
		t.Errorf("%d connects, want 1", p.Connects())
	}
}

// TestProxyOverTLS: forcecred connects to a proxy over TLS if it trusts its roots.
func TestProxyOverTLS(t *testing.T) {
	t.Parallel()
	front, err := orgtest.Start(orgtest.Config{}) // for its certificate
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(front.Close)
	p := rig.StartProxy(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.Serve(t, tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{front.TLSCertificate()}}))
	r := rig.NewProxiedRig(t, p, orgtest.Config{Rotate: true}, "HTTPS_PROXY=https://"+listener.Addr().String())
	got := r.Run(t.Context(), "", "get", "prod")
	if got.Status != 7 || !strings.Contains(got.Stderr, "the proxy in HTTPS_PROXY has a certificate signed by an unknown authority") {
		t.Errorf("status %d: %s", got.Status, got.Stderr)
	}
	r.Env = append(r.Env, "FORCECRED_CA_FILE="+rig.WritePEM(t, slices.Concat(front.CAPEM(), r.Org.CAPEM())))
	r.Run(t.Context(), "", "get", "prod").Token(t)
	if p.Connects() != 1 {
		t.Errorf("%d connects, want 1", p.Connects())
	}
	// The org's certificate is checked as well.
	r.Env = append(r.Env, "FORCECRED_CA_FILE="+rig.WritePEM(t, front.CAPEM()))
	got = r.Run(t.Context(), "", "get", "prod", "--force")
	if got.Status != 7 || !strings.Contains(got.Stderr, "the host has a certificate signed by an unknown authority") {
		t.Errorf("status %d: %s", got.Status, got.Stderr)
	}
}

// TestProxyIsBypassed: requests to loopback and to hosts in NO_PROXY use no proxy.
func TestProxyIsBypassed(t *testing.T) {
	t.Parallel()
	p := rig.StartProxy(t)
	r := rig.NewProxiedRig(t, p, orgtest.Config{Rotate: true})
	port := r.Org.URL[strings.LastIndex(r.Org.URL, ":"):]
	for _, url := range []string{r.Org.URL, "https://localhost" + port} {
		r.StoreAt(t, "near", url)
		r.Run(t.Context(), "", "get", "near", "--force").Token(t)
	}
	if p.Connects() != 0 {
		t.Errorf("the proxy was asked for %q", p.Asked)
	}
	// Only the proxy can resolve this name, so an answer shows that the proxy was used.
	r.StoreAt(t, "far", "https://acme.invalid")
	r.StoreAt(t, "far-port", "https://acme.invalid:8443")
	for _, tt := range []struct {
		org      string
		except   string
		connects int
		says     string
	}{
		{"far", "", 4, "the proxy in HTTPS_PROXY cannot reach the org's host"},
		{"far", "example.com, .invalid", 0, "cannot look up acme.invalid"},
		{"far", "acme.invalid:443", 0, "cannot look up acme.invalid"},
		{"far-port", "acme.invalid:443", 4, "the proxy in HTTPS_PROXY cannot reach the org's host"},
		{"far-port", "acme.invalid:8443", 0, "cannot look up acme.invalid"},
		{"far", "*", 0, "cannot look up acme.invalid"},
		{"far", "example.com acme.invalid\texample.org", 0, "cannot look up acme.invalid"},
		{"far", "*.invalid", 0, "cannot look up acme.invalid"},
		{"far", "acme.invalid:8443", 4, "the proxy in HTTPS_PROXY cannot reach the org's host"},
	} {
		before := p.Connects()
		cmd := r.Command(t.Context(), "get", tt.org)
		cmd.Env = append(cmd.Env, "NO_PROXY="+tt.except)
		if got := rig.Finish(cmd); got.Status != 7 || !strings.Contains(got.Stderr, tt.says) || !strings.Contains(got.Stderr, "forcecred: hint: check login_url") {
			t.Errorf("%s, NO_PROXY=%s: status %d: %s", tt.org, tt.except, got.Status, got.Stderr)
		}
		if n := p.Connects() - before; n != tt.connects {
			t.Errorf("%s, NO_PROXY=%s: %d connects, want %d", tt.org, tt.except, n, tt.connects)
		}
	}
}

// TestNoProxyAsCurl: forcecred splits NO_PROXY as curl does. Requests to an entry that
// neither can parse go through the proxy, and forcecred warns of the entry once.
func TestNoProxyAsCurl(t *testing.T) {
	t.Parallel()
	rig.NeedTool(t, "curl")
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
			p := rig.StartProxy(t)
			r := rig.NewProxiedRig(t, p, orgtest.Config{Rotate: true}, "NO_PROXY="+tt.except)
			curl := exec.CommandContext(t.Context(), "curl", "--silent", "https://acme.invalid")
			curl.Env = append(r.Env, "PATH="+os.Getenv("PATH"))
			_ = curl.Run() // it always fails; the proxy counts the request
			byCurl := p.Connects() > 0
			before := p.Connects()
			r.StoreAt(t, "far", "https://acme.invalid")
			got := r.Run(t.Context(), "", "get", "far")
			if byUs := p.Connects() > before; byUs != byCurl {
				t.Errorf("through the proxy: curl %v, forcecred %v", byCurl, byUs)
			}
			warnings := strings.Count(got.Stderr, "NO_PROXY has entries")
			if tt.warns == "" && warnings != 0 || tt.warns != "" && (warnings != 1 || !strings.Contains(got.Stderr, tt.warns)) {
				t.Errorf("stderr: %s", got.Stderr)
			}
			if strings.Contains(got.Stderr, "test-password") {
				t.Error("a password is shown")
			}
		})
	}
}
