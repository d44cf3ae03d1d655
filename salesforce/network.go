package salesforce

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
)

// networkError names what went wrong below HTTP. The standard library's texts
// are kept where they say it well; its *url.Error wrapper, which repeats the
// method and the URL, is taken off.
func networkError(err error, sent bool) *Error {
	if e := (*url.Error)(nil); errors.As(err, &e) {
		err = e.Err
	}
	e := &Error{Reason: Unreachable, Err: err}
	if sent {
		e.Reason = Lost
	}

	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		hostname     x509.HostnameError
		invalid      x509.CertificateInvalidError
		dns          *net.DNSError
	)
	switch {
	case errors.As(err, &authority):
		e.Reason, e.Hint = Untrusted, "if a proxy inspects TLS on this network, put its root certificate into a file and name that in FORCECRED_CA_FILE"
	case errors.As(err, &hostname):
		e.Reason, e.Hint = Untrusted, "the host's certificate is for another name; check login_url"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		e.Reason, e.Hint = Untrusted, "the host's certificate has expired or is not valid yet; check this machine's clock"
	case errors.As(err, &verification):
		e.Reason = Untrusted
	case errors.As(err, &dns):
		e.Hint = "check login_url and the network's DNS"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		e.Err = errors.New("no answer in time")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		e.Err = errors.New("the connection was closed before the whole answer came")
	}
	return e
}
