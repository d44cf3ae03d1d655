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

// MyDomain is the name by which a proxy shows a stand-in org: one of
// Salesforce's, so that all holds that holds for a real org.
const MyDomain = "acme.my.salesforce.com"

// Proxy is an HTTP proxy on loopback that knows CONNECT alone.
type Proxy struct {
	Address string

	Mu        sync.Mutex
	Routes    map[string]string // to what address it connects for HOST:PORT
	Sign      string            // USER:PASSWORD that it asks for, or ""
	Challenge string            // with which it asks
	Status    int               // with which it refuses all, or 0
	Asked     []string          // HOST:PORT of each CONNECT
	Agents    []string          // User-Agent of each CONNECT
}

// StartProxy starts a proxy that ends with the test.
func StartProxy(t *testing.T) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Address: listener.Addr().String(), Routes: map[string]string{}, Challenge: `Basic realm="test"`}
	p.Serve(t, listener)
	return p
}

// Serve answers on one more listener, until the test ends.
func (p *Proxy) Serve(t *testing.T, listener net.Listener) {
	server := &http.Server{Handler: p}
	t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }() // ends when the server is closed
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.Mu.Lock()
	p.Asked = append(p.Asked, r.Host)
	p.Agents = append(p.Agents, r.UserAgent())
	route, sign, challenge, status := p.Routes[r.Host], p.Sign, p.Challenge, p.Status
	p.Mu.Unlock()
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
	Relay(in, out)
}

// Relay passes on what each side says until both have ended.
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

// Connects returns how often the proxy was asked to connect.
func (p *Proxy) Connects() int {
	p.Mu.Lock()
	defer p.Mu.Unlock()
	return len(p.Asked)
}

// NewProxiedRig returns a rig whose org is stored as prod at myDomain, which
// only p knows to reach. env is added to, or replaces, what says so.
func NewProxiedRig(t *testing.T, p *Proxy, cfg orgtest.Config, env ...string) *Rig {
	t.Helper()
	cfg.Hosts = []string{MyDomain}
	cfg.InstanceURL = "https://" + MyDomain
	env = append([]string{"HTTPS_PROXY=http://" + p.Address, "NO_PROXY=", "no_proxy="}, env...)
	r := NewIn(t, filepath.Join(t.TempDir(), "home"), cfg, env...)
	p.Mu.Lock()
	p.Routes[MyDomain+":443"] = strings.TrimPrefix(r.Org.URL, "https://")
	p.Mu.Unlock()
	r.StoreAt(t, "prod", "https://"+MyDomain)
	return r
}

// StoreAt stores the rig's org as one that logs in at another URL than its own.
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
