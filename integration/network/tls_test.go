package network

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestNetworkTLS: an error names the fault in a host's TLS, with a hint. forcecred
// sends nothing and does not retry.
func TestNetworkTLS(t *testing.T) {
	t.Parallel()
	says := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096)) // the ClientHello, whatever it says
			_, _ = io.WriteString(c, text)
		}
	}
	// A ServerHello that selects TLS 1.1, whatever the client offers.
	oldHello := "\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02" + strings.Repeat("r", 32) + "\x00\x00\x2f\x00"
	for _, tt := range []struct {
		name   string
		kind   orgtest.Certificate
		env    string
		server func(*orgtest.Org) func(net.Conn) // in place of the org, or nil
		says   string
		hint   string
	}{
		{"unknown authority", orgtest.GoodCertificate, "FORCECRED_CA_FILE=", nil, "the host has a certificate signed by an unknown authority", "FORCECRED_CA_FILE"},
		{"wrong host", orgtest.WrongHostCertificate, "", nil, "the host has a certificate for another name", "login_url"},
		{"expired", orgtest.ExpiredCertificate, "", nil, "the host has an expired certificate", "clock"},
		{"not yet valid", orgtest.FutureCertificate, "", nil, "the host has a certificate that is not valid yet", "clock"},
		{"TLS 1.1 only", orgtest.GoodCertificate, "", func(o *orgtest.Org) func(net.Conn) {
			config := &tls.Config{Certificates: []tls.Certificate{o.TLSCertificate()}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
			return func(c net.Conn) { _ = tls.Server(c, config).Handshake() } // fails, as it must
		}, "the host speaks no TLS newer than 1.1", "old proxy"},
		{"TLS 1.1 chosen", orgtest.GoodCertificate, "", func(*orgtest.Org) func(net.Conn) { return says(oldHello) }, "the host speaks no TLS newer than 1.1", "old proxy"},
		{"plain HTTP", orgtest.GoodCertificate, "", func(*orgtest.Org) func(net.Conn) { return says("HTTP/1.1 400 Bad Request\r\n\r\n") }, "the host does not speak TLS", "sign-in page"},
		{"SSH", orgtest.GoodCertificate, "", func(*orgtest.Org) func(net.Conn) { return says("SSH-2.0-OpenSSH_9.2\r\n") }, "the host does not speak TLS", "port in login_url"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := rig.NewIn(t, filepath.Join(t.TempDir(), "home"), orgtest.Config{Rotate: true, Certificate: tt.kind}, tt.env)
			connections := make(chan struct{}, 8)
			if tt.server != nil {
				handle := tt.server(r.Org)
				r.StoreAt(t, "prod", "https://"+rig.Listen(t, func(c net.Conn) {
					connections <- struct{}{}
					handle(c)
				}))
			}
			got := r.Run(t.Context(), "", "get", "prod")
			if got.Status != 7 || got.Stdout != "" || !strings.Contains(got.Stderr, tt.says) || !strings.Contains(got.Stderr, "forcecred: hint: ") || !strings.Contains(got.Stderr, tt.hint) {
				t.Errorf("status %d: %s", got.Status, got.Stderr)
			}
			if n := len(connections); n > 1 || r.Org.Count(orgtest.Token) != 0 {
				t.Errorf("%d connections, %d token requests", n, r.Org.Count(orgtest.Token))
			}
		})
	}
}

// TestNetworkRoots: FORCECRED_CA_FILE adds roots to the system's. On Linux, two
// variables can replace the system's roots.
func TestNetworkRoots(t *testing.T) {
	t.Parallel()
	r := rig.NewIn(t, filepath.Join(t.TempDir(), "home"), orgtest.Config{Rotate: true}, "FORCECRED_CA_FILE=")
	ours := rig.WritePEM(t, r.Org.CAPEM())
	other, err := orgtest.Start(orgtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	others := rig.WritePEM(t, other.CAPEM())
	noPEM := filepath.Join(t.TempDir(), "no.pem")
	if err := os.WriteFile(noPEM, []byte("no certificate"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		env    []string
		system bool // through the system's roots, which only Linux lets a variable replace
		status int
		says   string
	}{
		{[]string{"FORCECRED_CA_FILE=" + ours}, false, 0, ""},
		{[]string{"FORCECRED_CA_FILE=" + others}, false, 7, "unknown authority"},
		{[]string{"FORCECRED_CA_FILE=" + noPEM}, false, 2, "use FORCECRED_CA_FILE: no PEM certificate in it"},
		{[]string{"FORCECRED_CA_FILE=" + noPEM + ".absent"}, false, 2, "use FORCECRED_CA_FILE: "},
		{[]string{"SSL_CERT_FILE=" + ours}, true, 0, ""},
		{[]string{"SSL_CERT_DIR=" + filepath.Dir(ours), "SSL_CERT_FILE=" + others}, true, 0, ""},
		{[]string{"SSL_CERT_FILE=" + ours, "FORCECRED_CA_FILE=" + others}, true, 0, ""},
		{[]string{"SSL_CERT_FILE=" + others, "FORCECRED_CA_FILE=" + ours}, true, 0, ""},
	} {
		if tt.system && runtime.GOOS != "linux" {
			continue
		}
		cmd := r.Command(t.Context(), "get", "prod", "--force")
		cmd.Env = append(slices.Clone(cmd.Env), tt.env...)
		if got := rig.Finish(cmd); got.Status != tt.status || !strings.Contains(got.Stderr, tt.says) {
			t.Errorf("%q: status %d: %s", tt.env, got.Status, got.Stderr)
		}
	}
}

// TestNetworkIPv6: an org can have an IPv6 address.
func TestNetworkIPv6(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp6", "[::1]:0")
	rig.Need(t, err == nil, "this machine has no IPv6 loopback")
	r := rig.New(t, orgtest.Config{Rotate: true})
	rig.Serve(t, listener, func(c net.Conn) {
		org, err := net.Dial("tcp", strings.TrimPrefix(r.Org.URL, "https://"))
		if err != nil {
			return
		}
		rig.Relay(c, org)
	})
	r.StoreAt(t, "six", "https://"+listener.Addr().String())
	if got := r.Run(t.Context(), "", "get", "six"); got.Token(t) != r.Org.AccessToken() {
		t.Error("not the org's token")
	}
}
