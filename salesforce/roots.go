package salesforce

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// quickRoots sends requests with the roots that are fast to read, and with all
// that the system trusts where those don't do. To read all of them takes as long
// as the whole of a refresh on loopback, and is rarely needed.
type quickRoots struct {
	quick *http.Transport
	whole func() (*http.Transport, error)
}

// RoundTrip sends req. When the quick roots don't verify the host, no connection
// stands and nothing was sent, so that sending is what happens next.
func (r *quickRoots) RoundTrip(req *http.Request) (*http.Response, error) {
	first := req.WithContext(req.Context())
	if req.Body != nil {
		first.Body = io.NopCloser(req.Body) // the transport closes it, unread
	}
	resp, err := r.quick.RoundTrip(first)
	if _, unverified := errors.AsType[*tls.CertificateVerificationError](err); !unverified {
		return resp, err
	}
	whole, err := r.whole()
	if err != nil {
		return nil, err
	}
	return whole.RoundTrip(req)
}

// newRoundTripper returns what sends requests and trusts the roots of cfg.
func newRoundTripper(cfg Config) (http.RoundTripper, error) {
	whole := sync.OnceValues(func() (*http.Transport, error) {
		roots, err := systemRoots(cfg.ExtraRoots)
		return newTransport(cfg, roots), err
	})
	if cfg.Bundle == nil {
		return whole()
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cfg.Bundle) // with none in it, all are read when it comes to that
	if err := appendRoots(roots, cfg.ExtraRoots); err != nil {
		return nil, err
	}
	return &quickRoots{newTransport(cfg, roots), whole}, nil
}

// systemRoots returns the system's roots and the extra ones; nil means the system's.
func systemRoots(extra []byte) (*x509.CertPool, error) {
	if extra == nil {
		return nil, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the system's root certificates: %w", err)
	}
	return roots, appendRoots(roots, extra)
}

var errNoRoots = errors.New("no PEM certificate in it")

func appendRoots(roots *x509.CertPool, extra []byte) error {
	if extra != nil && !roots.AppendCertsFromPEM(extra) {
		return errNoRoots
	}
	return nil
}
