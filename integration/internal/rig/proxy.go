package rig

import (
	"bytes"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"forcecred/internal/orgtest"
)

// MyDomain is the host name that a proxy gives a stand-in org. It is one of
// Salesforce's, so forcecred treats the stand-in as a real org.
const MyDomain = "acme.my.salesforce.com"

// Proxy is an HTTP proxy on loopback. It answers CONNECT and no other method. A
// test sets its fields before the first request and reads them after the last.
type Proxy struct {
	Address   string
	Password  string   // the USER:PASSWORD that it requires, or ""
	Challenge string   // how it asks for the password
	Status    int      // its answer to each request, or 0 to connect
	Asked     []string // HOST:PORT of each CONNECT
	Agents    []string // User-Agent of each CONNECT

	mu     sync.Mutex
	routes map[string]string // the address to connect to, by HOST:PORT
}

// StartProxy starts a proxy that ends with the test.
func StartProxy(t *testing.T) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Address: listener.Addr().String(), routes: map[string]string{}, Challenge: `Basic realm="test"`}
	p.Serve(t, listener)
	return p
}

// Serve accepts connections from listener as well, until the test ends.
func (p *Proxy) Serve(t *testing.T, listener net.Listener) {
	server := &http.Server{Handler: p}
	t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }() // ends when the server is closed
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.Asked = append(p.Asked, r.Host)
	p.Agents = append(p.Agents, r.UserAgent())
	route, password, challenge, status := p.routes[r.Host], p.Password, p.Challenge, p.Status
	p.mu.Unlock()
	switch want := "Basic " + base64.StdEncoding.EncodeToString([]byte(password)); {
	case r.Method != http.MethodConnect:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case password != "" && r.Header.Get("Proxy-Authorization") != want:
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
	Relay(in, out)
}

// Relay copies bytes in both directions until both connections end.
func Relay(a, b net.Conn) {
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			way[0].Close()
		})
	}
	both.Wait()
}

// Route makes the proxy connect to address when it is asked for port 443 of a host.
func (p *Proxy) Route(address string, hosts ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, host := range hosts {
		p.routes[host+":443"] = address
	}
}

// Connects returns the number of CONNECT requests so far.
func (p *Proxy) Connects() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.Asked)
}

// NewProxiedRig returns a rig whose org is stored as prod at MyDomain. Only p can
// reach that host. The variables of env are added, or replace those for the proxy.
func NewProxiedRig(t *testing.T, p *Proxy, cfg orgtest.Config, env ...string) *Rig {
	t.Helper()
	cfg.Hosts = []string{MyDomain}
	cfg.InstanceURL = "https://" + MyDomain
	env = append([]string{"HTTPS_PROXY=http://" + p.Address, "NO_PROXY=", "no_proxy="}, env...)
	r := NewIn(t, filepath.Join(t.TempDir(), "home"), cfg, env...)
	p.Route(strings.TrimPrefix(r.Org.URL, "https://"), MyDomain)
	r.StoreAt(t, "prod", "https://"+MyDomain)
	return r
}

// StoreAt stores the rig's org with another login URL than its own.
func (r *Rig) StoreAt(t *testing.T, name, loginURL string) {
	t.Helper()
	req := StoreRequest(r.Org, name, "")
	req.LoginURL, req.AllowHost = loginURL, !strings.HasSuffix(loginURL, MyDomain)
	var text bytes.Buffer
	if err := req.Encode(&text); err != nil {
		t.Fatal(err)
	}
	if got := r.Run(t.Context(), text.String(), "store"); got.Status != 0 {
		t.Fatalf("store: status %d: %s", got.Status, got.Stderr)
	}
}
