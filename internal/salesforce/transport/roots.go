package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
)

// connector makes connections. It tries the roots of a bundle first, and all roots of
// the system if the bundle does not verify the host. Reading all roots takes as long
// as a refresh on loopback.
type connector struct {
	quick func() *http.Transport          // with the bundle, or nil
	whole func() (*http.Transport, error) // with all roots
}

// connect makes a connection for the traced request of ctx, and sends nothing on it.
func (c *connector) connect(ctx context.Context) (*conn, error) {
	if c.quick != nil {
		made, err := connectBy(ctx, c.quick())
		if _, unverified := errors.AsType[*tls.CertificateVerificationError](err); !unverified {
			return made, err
		}
	}
	whole, err := c.whole()
	if err != nil {
		return nil, err
	}
	return connectBy(ctx, whole)
}

func connectBy(ctx context.Context, transport *http.Transport) (*conn, error) {
	t := traceOf(ctx)
	made, err := transport.NewClientConn(ctx, t.to.Scheme, net.JoinHostPort(t.to.Hostname(), t.to.Port()))
	if err != nil {
		return nil, err
	}
	return &conn{made, t.socket()}, nil
}

// newConnector returns a connector that trusts the roots of cfg.
func newConnector(cfg Config) (connector, error) {
	whole := sync.OnceValues(func() (*http.Transport, error) {
		roots, err := systemRoots(cfg.ExtraRoots)
		return newHTTPTransport(cfg, roots), err
	})
	if cfg.Bundle == nil {
		_, err := whole()
		return connector{whole: whole}, err
	}
	roots := x509.NewCertPool()
	if err := appendRoots(roots, cfg.ExtraRoots); err != nil {
		return connector{}, err
	}
	quick := sync.OnceValue(func() *http.Transport {
		roots.AppendCertsFromPEM(cfg.Bundle) // an empty bundle verifies no host, so that all roots are read
		return newHTTPTransport(cfg, roots)
	})
	go quick() // parsing takes milliseconds, in which the caller prepares its first request
	return connector{quick, whole}, nil
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
