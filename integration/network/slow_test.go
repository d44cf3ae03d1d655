package network

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestNetworkSlow: at whichever step a server stops, a get ends, names the step, and
// loses no data that had arrived.
func TestNetworkSlow(t *testing.T) {
	t.Parallel()
	silent := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	withinTLS := func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, "\x16\x03\x03\x00\x7a\x02\x00")
		silent(c)
	}
	const hintSlow, hintOutcome = "try again", "it is unknown whether Salesforce rotated the refresh token"
	for _, tt := range []struct {
		name    string
		http1   bool
		place   func(t *testing.T, r *rig.Rig) // the step at which the org, or a server in its place, stops
		says    string
		hint    string
		rotated bool // the org had rotated, and the new refresh token had arrived
	}{
		{"before TLS", false, func(t *testing.T, r *rig.Rig) { r.StoreAt(t, "prod", "https://"+rig.Listen(t, silent)) },
			"the TLS handshake did not end within 10s", hintSlow, false},
		{"within the TLS handshake", false, func(t *testing.T, r *rig.Rig) { r.StoreAt(t, "prod", "https://"+rig.Listen(t, withinTLS)) },
			"the TLS handshake did not end within 10s", hintSlow, false},
		{"before headers, HTTP/1.1", true, func(_ *testing.T, r *rig.Rig) { r.Org.FailNext(orgtest.Always, orgtest.Fault{End: orgtest.Hang}) },
			"no answer within 30s", hintOutcome, false},
		{"before headers, HTTP/2", false, func(_ *testing.T, r *rig.Rig) { r.Org.FailNext(orgtest.Always, orgtest.Fault{End: orgtest.Hang}) },
			"no answer within 30s", hintOutcome, false},
		{"within headers", true, func(_ *testing.T, r *rig.Rig) {
			r.Org.FailNext(orgtest.Always, orgtest.Fault{End: orgtest.Raw, Stall: true, Rewrite: func([]byte) []byte { return []byte("HTTP/1.1 200 OK\r\nContent-Ty") }})
		}, "the answer did not end within 30s", hintOutcome, false},
		{"within the body, HTTP/1.1", true, stallInBody, "the answer did not end within 30s", hintSlow, true},
		{"within the body, HTTP/2", false, stallInBody, "the answer did not end within 30s", hintSlow, true},
		{"a byte at a time", true, func(t *testing.T, r *rig.Rig) {
			config := &tls.Config{Certificates: []tls.Certificate{r.Org.TLSCertificate()}}
			r.StoreAt(t, "prod", "https://"+rig.Listen(t, func(c net.Conn) {
				c = tls.Server(c, config)
				_, _ = c.Read(make([]byte, 4096))
				_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n{")
				for err == nil {
					time.Sleep(100 * time.Millisecond)
					_, err = io.WriteString(c, " ")
				}
			}))
		}, "the answer did not end within 30s", hintOutcome, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := rig.New(t, orgtest.Config{Rotate: true, HTTP1: tt.http1})
			tt.place(t, r)
			wantSlow(t, r, tt.says, tt.hint)
			if r.StoredToken(t) != r.Org.RefreshToken() || (r.Org.Commits() > 0) != tt.rotated {
				t.Errorf("the grant is lost, or %d rotations are not what was wanted", r.Org.Commits())
			}
			if r.Org.Count(orgtest.Token) == 0 {
				return // another server took the org's place
			}
			r.Org.ClearFaults()
			if r.Run(t.Context(), "", "get", "prod", "--force").Token(t); !r.Org.Alive() {
				t.Error("the grant is dead")
			}
		})
	}
	t.Run("a proxy that says nothing", func(t *testing.T) {
		t.Parallel()
		r := rig.NewProxiedRig(t, rig.StartProxy(t), orgtest.Config{}, "HTTPS_PROXY=http://"+rig.Listen(t, silent))
		wantSlow(t, r, "the proxy in HTTPS_PROXY does not answer", "check HTTPS_PROXY")
	})
	t.Run("a host behind a proxy", func(t *testing.T) {
		t.Parallel()
		p := rig.StartProxy(t)
		r := rig.NewProxiedRig(t, p, orgtest.Config{})
		p.Route(rig.Listen(t, silent), rig.MyDomain)
		wantSlow(t, r, "the TLS handshake did not end within 10s", hintSlow)
	})
}

// stallInBody makes the org rotate, and not send the last byte of its answer.
func stallInBody(_ *testing.T, r *rig.Rig) {
	r.Org.FailNext(orgtest.Always, orgtest.Fault{Commit: true, End: orgtest.Truncate, Keep: 1 << 20, Stall: true})
}

// wantSlow runs a get against a server that stops, and checks its error.
func wantSlow(t *testing.T, r *rig.Rig, says, hint string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), rig.Timeout)
	defer cancel()
	begin := time.Now()
	got := r.Run(ctx, "", "get", "prod")
	if got.Status != 7 || got.Stdout != "" || !strings.Contains(got.Stderr, says) || !strings.Contains(got.Stderr, "forcecred: hint: ") || !strings.Contains(got.Stderr, hint) {
		t.Errorf("status %d: %s", got.Status, got.Stderr)
	}
	t.Logf("ended after %v", time.Since(begin).Round(time.Second))
}

// TestNetworkSlowIntrospection: a get does not wait long for the introspection, which
// it can do without.
func TestNetworkSlowIntrospection(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	r.Org.FailNext(orgtest.Always, orgtest.Fault{Endpoint: orgtest.Introspect, End: orgtest.Hang})
	got := r.Run(t.Context(), "", "get", "prod")
	if got.Token(t) != r.Org.AccessToken() || !strings.Contains(got.Stdout, `"expires_source":"assumed"`) {
		t.Error("not the org's token, or not as assumed")
	}
}
