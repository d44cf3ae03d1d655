package transport

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

// TestQuickRoots has hosts that the quick roots verify, that only all roots verify, and
// that no roots verify. Each request arrives whole, and once or not at all.
func TestQuickRoots(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		quick, whole bool   // which of the roots know the host
		want         Reason // of the failure, or ""
		reads        int    // of all roots
	}{
		{"quick", true, true, "", 0},
		{"whole", false, true, "", 1},
		{"neither", false, false, Untrusted, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var received []string
			host := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				received = append(received, string(body))
			}))
			host.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshakes that are meant to fail
			host.StartTLS()
			defer host.Close()
			roots := func(known bool) *x509.CertPool {
				pool := x509.NewCertPool()
				if known {
					pool.AddCert(host.Certificate())
				}
				return pool
			}
			reads := 0
			c := Client{after: time.After, connector: connector{
				quick: func() *http.Transport {
					return newHTTPTransport(Config{UserAgent: "forcecred/test"}, roots(tt.quick))
				},
				whole: func() (*http.Transport, error) {
					reads++
					return newHTTPTransport(Config{UserAgent: "forcecred/test"}, roots(tt.whole)), nil
				},
			}}
			_, err := c.Send(t.Context(), newPost(host.URL))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Reason != tt.want) {
				t.Fatal(err)
			}
			if reads != tt.reads {
				t.Errorf("all roots were read %d times, want %d", reads, tt.reads)
			}
			host.Close()
			want := []string{"refresh_token=test-refresh-token-0001"}
			if tt.want != "" {
				want = nil
			}
			if !slices.Equal(received, want) {
				t.Errorf("received %d requests, or not whole ones", len(received))
			}
		})
	}
}

// TestBundle: the bundle and the extra roots are both trusted, an empty bundle leaves
// the decision to the system, and invalid extra roots are an error.
func TestBundle(t *testing.T) {
	t.Parallel()
	host := httptest.NewTLSServer(http.NotFoundHandler())
	defer host.Close()
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: host.Certificate().Raw})
	for _, cfg := range []Config{{Bundle: root}, {Bundle: []byte("none"), ExtraRoots: root}, {Bundle: root, ExtraRoots: root}} {
		c, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := c.Send(t.Context(), newPost(host.URL)); err != nil || resp.Status != http.StatusNotFound {
			t.Errorf("%v, status %d", err, resp.Status)
		}
	}
	c, err := New(Config{Bundle: []byte("none")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(t.Context(), newPost(host.URL)); err == nil || err.Reason != Untrusted {
		t.Errorf("a host that nobody trusts: %v", err)
	}
	if _, err := New(Config{Bundle: root, ExtraRoots: []byte("none")}); !errors.Is(err, errNoRoots) {
		t.Errorf("extra roots that are none: %v", err)
	}
}
