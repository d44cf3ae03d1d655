package salesforce

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

// connector makes connections, with the roots that are fast to read, and with all
// that the system trusts where those don't do. To read all of them takes as long
// as the whole of a refresh on loopback, and is rarely needed.
type connector struct {
	quick *http.Transport // or nil
	whole func() (*http.Transport, error)
}

// connect makes a connection for the trip of ctx. Nothing was sent on it.
func (c *connector) connect(ctx context.Context) (*conn, error) {
	if c.quick != nil {
		made, err := connectBy(ctx, c.quick)
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
	t := tripOf(ctx)
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
		return newTransport(cfg, roots), err
	})
	if cfg.Bundle == nil {
		_, err := whole()
		return connector{whole: whole}, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cfg.Bundle) // with none in it, all are read when it comes to that
	if err := appendRoots(roots, cfg.ExtraRoots); err != nil {
		return connector{}, err
	}
	return connector{newTransport(cfg, roots), whole}, nil
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
