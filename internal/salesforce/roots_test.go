package salesforce

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
)

// TestQuickRoots has hosts that the quick roots know, that only the others know,
// and that nobody knows. Each request arrives whole, and once or not at all.
func TestQuickRoots(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		quick, whole bool   // which of the roots know the host
		want         Reason // of the failure, or ""
		asked        int    // for all the roots
	}{
		{"quick", true, true, "", 0},
		{"whole", false, true, "", 1},
		{"neither", false, false, Untrusted, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var came []string
			host := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				came = append(came, string(body))
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
			asked := 0
			c := Client{connector: connector{
				quick: newTransport(Config{UserAgent: "forcecred/test"}, roots(tt.quick)),
				whole: func() (*http.Transport, error) {
					asked++
					return newTransport(Config{UserAgent: "forcecred/test"}, roots(tt.whole)), nil
				},
			}}
			_, err := c.post(t.Context(), host.URL, url.Values{"refresh_token": {"test-refresh-token-0001"}})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Reason != tt.want) {
				t.Fatal(err)
			}
			if asked != tt.asked {
				t.Errorf("all the roots were read %d times, want %d", asked, tt.asked)
			}
			host.Close()
			want := []string{"refresh_token=test-refresh-token-0001"}
			if tt.want != "" {
				want = nil
			}
			if !slices.Equal(came, want) {
				t.Errorf("%d requests came, or not whole", len(came))
			}
		})
	}
}

// TestBundle: a bundle and the extra roots are both trusted, a bundle with
// nothing in it leaves it to the system, and extra roots that are none are told.
func TestBundle(t *testing.T) {
	t.Parallel()
	host := httptest.NewTLSServer(http.NotFoundHandler())
	defer host.Close()
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: host.Certificate().Raw})
	for _, cfg := range []Config{{Bundle: root}, {Bundle: []byte("none"), ExtraRoots: root}, {Bundle: root, ExtraRoots: root}} {
		c, err := NewClient(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := c.post(t.Context(), host.URL, nil); err != nil || resp.status != http.StatusNotFound {
			t.Errorf("%v, status %d", err, resp.status)
		}
	}
	c, err := NewClient(Config{Bundle: []byte("none")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.post(t.Context(), host.URL, nil); err == nil || err.Reason != Untrusted {
		t.Errorf("a host that nobody trusts: %v", err)
	}
	if _, err := NewClient(Config{Bundle: root, ExtraRoots: []byte("none")}); !errors.Is(err, errNoRoots) {
		t.Errorf("extra roots that are none: %v", err)
	}
}
