package callers

import (
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// siteHost is the host of an org's instance. lookalikeHost is the host that IDNA resolves
// if the i of siteHost is a dotted capital İ. Go's case folding turns İ into i.
const (
	siteHost      = "acme.my.site.com"
	lookalikeHost = "acme.my.xn--site-rwc.com"
)

// lookalikes are spellings that some program takes for siteHost, but that resolve to
// another name in some program.
var lookalikes = []string{
	lookalikeHost, "acme.my.s\u0130te.com", "acme.my.s%C4%B0te.com", "acme.my.s%c4%b0te.com", "acme.my.si\u0307te.com", "acme.my.s\u0131te.com",
	"acme.my.\u017fite.com", "acme\u3002my.site.com", "acme.my.site\uff0ecom", "\uff41cme.my.site.com", "ac\u00adme.my.site.com", "%41cme.my.site.com",
	siteHost + ".", siteHost + ":8443", siteHost + "\u00a0", siteHost + ".evil.test", "user@" + siteHost, siteHost + "@evil.test", siteHost + "\\.evil.test",
}

// sightings counts a server's requests by host.
type sightings struct {
	mu     sync.Mutex
	asked  map[string]int
	tokens map[string]int // requests with a password or a bearer token
}

// note counts a request, and reports whether it has a password or a bearer token.
func (s *sightings) note(r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	host := strings.ToLower(r.Host)
	s.asked[host]++
	_, password, _ := r.BasicAuth()
	hasToken := password != "" || strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ")
	if hasToken {
		s.tokens[host]++
	}
	return hasToken
}

// at returns the number of requests to host, and of those with a token.
func (s *sightings) at(host string) (asked, tokens int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[host], s.tokens[host]
}

// serveAsHosts serves handler over TLS with the org's certificate, and returns the address.
func serveAsHosts(t *testing.T, org *orgtest.Org, handler http.Handler) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	t.Cleanup(func() { _ = server.Close() })
	go func() { // ends when the server is closed
		_ = server.Serve(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{org.TLSCertificate()}}))
	}()
	return listener.Addr().String()
}

// TestGitLookalike runs git with hosts whose names look like an org's. A proxy routes all
// of them to one server, so git makes no DNS lookup. The server gets the token at the
// org's host and at no other.
func TestGitLookalike(t *testing.T) {
	t.Parallel()
	serve := repository(t)
	p := rig.StartProxy(t)
	r := newGitRig(t, orgtest.Config{Rotate: true, InstanceURL: "https://" + siteHost, Hosts: []string{siteHost, lookalikeHost}})
	// git's curl converts names by the locale.
	r.Env = append(r.Env, "LC_ALL=C.UTF-8", "NO_PROXY=", "no_proxy=", "GIT_SSL_CAINFO="+rig.WritePEM(t, r.Org.CAPEM()))
	// forcecred is the helper for all hosts, and must decide itself.
	config := "[http]\n\tproxy = http://" + p.Address + "\n[credential]\n\thelper =\n\thelper = \"!forcecred git\"\n"
	if err := os.WriteFile(r.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	seen := &sightings{asked: map[string]int{}, tokens: map[string]int{}}
	server := serveAsHosts(t, r.Org, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !seen.note(req) {
			w.Header().Set("Www-Authenticate", `Basic realm="acme"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		serve.ServeHTTP(w, req)
	}))
	p.Route(server, siteHost, strings.ToUpper(siteHost), lookalikeHost)
	token := r.Run(t.Context(), "", "get", "prod").Token(t) // forcecred stores the instance host

	for _, host := range lookalikes {
		got := r.git(t, "protocol=https\nhost="+host+"\n", "credential", "fill")
		if got.Status == 0 || strings.Contains(got.Stdout, token) {
			t.Errorf("fill for %q: status %d, the token in it: %v", host, got.Status, strings.Contains(got.Stdout, token))
		}
		for _, args := range [][]string{
			{"ls-remote", "https://" + host + "/repo.git"},
			{"clone", "--quiet", "https://" + host + "/repo.git", filepath.Join(t.TempDir(), "clone")},
		} {
			if got := r.git(t, "", args...); got.Status == 0 {
				t.Errorf("%s from %q: status 0", args[0], host)
			}
		}
	}
	asked, tokens := seen.at(lookalikeHost)
	if _, sent := seen.at(siteHost); tokens+sent != 0 {
		t.Errorf("%d tokens were sent to the host that looks like the org's, and %d to the org's by another spelling", tokens, sent)
	}
	// The server got requests to siteHost, and to a host that git had to convert.
	const own = 2
	if asked < own {
		t.Fatalf("git has asked the host that looks like the org's %d times", asked)
	}
	rig.Need(t, asked > own, "git's curl does not convert names beyond ASCII")

	for _, host := range []string{siteHost, strings.ToUpper(siteHost), siteHost + ":443"} {
		if got := r.git(t, "protocol=https\nhost="+host+"\n", "credential", "fill"); attributes(got.Stdout)["password"] != token {
			t.Errorf("fill for %q: status %d: %s", host, got.Status, got.Stderr)
		}
		_, before := seen.at(siteHost)
		got := r.git(t, "", "ls-remote", "https://"+host+"/repo.git")
		if _, after := seen.at(siteHost); got.Status != 0 || after == before {
			t.Errorf("ls-remote from %q, the org's own host: status %d: %s", host, got.Status, got.Stderr)
		}
	}
}

// TestLookalikeDialects: in each dialect that names a host, a lookalike gets no token.
func TestLookalikeDialects(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true, InstanceURL: "https://" + siteHost})
	token := r.Run(t.Context(), "", "get", "prod").Token(t)
	dialects := []struct {
		name    string
		request func(host string) string
		status  int
		stdout  string
	}{
		{"git", func(host string) string { return "protocol=https\nhost=" + host + "\n\n" }, 0, ""},
		{"docker", func(host string) string { return host }, 1, "credentials not found in native keychain\n"},
		{"docker", func(host string) string { return "https://" + host + "/v1/" }, 1, "credentials not found in native keychain\n"},
		{"bazel", func(host string) string { return `{"uri":"https://` + strings.ReplaceAll(host, `\`, `\\`) + `/file"}` }, 0, ""},
	}
	for _, d := range dialects {
		for _, host := range lookalikes {
			got := r.Run(t.Context(), d.request(host), d.name, "get")
			failed := d.name == "bazel" && got.Status != 0 || got.Status == d.status
			if !failed || got.Stdout != d.stdout || strings.Contains(got.Stdout+got.Stderr, token) {
				t.Errorf("%s %q: status %d, the token in the answer: %v", d.name, host, got.Status, strings.Contains(got.Stdout, token))
			}
		}
		for _, host := range []string{siteHost, strings.ToUpper(siteHost), siteHost + ":443"} {
			if got := r.Run(t.Context(), d.request(host), d.name, "get"); got.Status != 0 || !strings.Contains(got.Stdout, token) {
				t.Errorf("%s %q, the org's own host: status %d: %s", d.name, host, got.Status, got.Stderr)
			}
		}
	}
}
