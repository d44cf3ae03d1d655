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

// siteHost is the name of an org's instance, and lookalikeHost the one that IDNA
// looks up for it when its i is a dotted capital one, which Go's case folding
// makes an i of.
const (
	siteHost      = "acme.my.site.com"
	lookalikeHost = "acme.my.xn--site-rwc.com"
)

// lookalikes are spellings of hosts that something takes for siteHost, and that
// are looked up as another name, or not by everybody as the same.
var lookalikes = []string{
	lookalikeHost, "acme.my.s\u0130te.com", "acme.my.s%C4%B0te.com", "acme.my.s%c4%b0te.com", "acme.my.si\u0307te.com", "acme.my.s\u0131te.com",
	"acme.my.\u017fite.com", "acme\u3002my.site.com", "acme.my.site\uff0ecom", "\uff41cme.my.site.com", "ac\u00adme.my.site.com", "%41cme.my.site.com",
	siteHost + ".", siteHost + ":8443", siteHost + "\u00a0", siteHost + ".evil.test", "user@" + siteHost, siteHost + "@evil.test", siteHost + "\\.evil.test",
}

// sightings is what a server saw, by the host that it was asked as.
type sightings struct {
	mu     sync.Mutex
	asked  map[string]int
	tokens map[string]int // requests with a password or a bearer token
}

// note notes a request, and reports whether it has a password or a bearer token.
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

// at returns how often the server was asked as host, and how often with a token.
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

// TestGitLookalike has git itself go to hosts whose names look like an org's. A
// proxy leads it to one server for all of them, so that nobody asks the DNS. The
// server sees the token at the org's host, and at no other.
func TestGitLookalike(t *testing.T) {
	t.Parallel()
	serve := repository(t)
	p := rig.StartProxy(t)
	r := newGitRig(t, orgtest.Config{Rotate: true, InstanceURL: "https://" + siteHost, Hosts: []string{siteHost, lookalikeHost}})
	// git's curl converts names by the locale.
	r.Env = append(r.Env, "LC_ALL=C.UTF-8", "NO_PROXY=", "no_proxy=", "GIT_SSL_CAINFO="+rig.WritePEM(t, r.Org.CAPEM()))
	// For all hosts: which are an org's is forcecred's to know.
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
	token := r.Run(t.Context(), "", "get", "prod").Token(t) // since then it is known where the org is

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
	// By its own name, and by at least one that git had to convert.
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

// TestLookalikeDialects: no dialect that names a host gets a token by a name that
// looks like the org's.
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
