package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"
)

// Reason says how far a failed request came.
type Reason string

// The reasons. With the first three, no byte of the request was sent.
const (
	Unreachable Reason = "unreachable" // no connection was made
	Blocked     Reason = "blocked"     // the proxy does not let the request through
	Untrusted   Reason = "untrusted"   // the host did not prove by TLS who it is
	Lost        Reason = "lost"        // sent, but no whole answer came back
)

// Error is a request without a whole answer. Its text has no secret of the request.
type Error struct {
	Reason Reason
	Err    error  // what happened
	Hint   string // what to do about it
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

const (
	theHost = "the host"

	hintLogin     = "check login_url and the network"
	hintDNS       = "check login_url and the network's DNS"
	hintSlow      = "try again; if it stays so, check the network between here and the org"
	hintAuthority = "if a proxy inspects TLS on this network, put its root certificate into a file and name that in FORCECRED_CA_FILE"
	hintName      = "check login_url; is there a proxy or a sign-in page on the way?"
	hintClock     = "check this machine's clock; if it is right, whoever runs the host has to renew the certificate"
	hintOldTLS    = "Salesforce speaks TLS 1.2 and newer: is there an old proxy on the way, or another host in login_url?"
	hintNoTLS     = "is there a proxy or a sign-in page on the way, or another port in login_url?"
	hintLost      = "the request was sent, and no whole answer came back; try again"
)

// errInvalidHTTP replaces those errors of the library that quote the server. The
// quoted text may have a secret of the request.
var errInvalidHTTP = errors.New("the answer is not sound HTTP, or has too many headers")

// Classify returns the error of a request that failed in a phase. proxy is the proxy
// that the request did not get through yet, or nil. Of the standard library's texts it
// keeps those that have only addresses and errors of the system.
func Classify(err error, at Phase, proxy *url.URL) *Error {
	if proxy != nil {
		return proxyError(err, proxy)
	}
	e := &Error{Reason: Lost, Hint: hintLost}
	if at < Sent {
		if e := tlsError(theHost, err); e != nil {
			return e
		}
		e.Reason, e.Hint = Unreachable, hintLogin
	}
	var (
		dns *net.DNSError
		op  *net.OpError
	)
	switch {
	case errors.As(err, &dns):
		e.Err, e.Hint = fmt.Errorf("the name %s can't be looked up: %s", dns.Name, dns.Err), hintDNS
	case isTimeout(err):
		e.Err, e.Hint = errors.New(at.timeout()), hintSlow
	case isEOF(err) && at < Sent:
		e.Err = errors.New("the connection was closed during the TLS handshake")
	case isEOF(err), isReset(err):
		e.Err = errors.New("the connection was closed before the whole answer came")
	case errors.As(err, &op):
		e.Err = op
	case errors.Is(err, context.Canceled), errors.Is(err, ErrTooLarge):
		e.Err = err
	case at < Sent:
		e.Err = errors.New("the TLS handshake failed")
	default:
		e.Err = errInvalidHTTP
	}
	return e
}

// tlsError returns the error if peer did not prove who it is, else nil. It quotes
// nothing of the certificate, because anybody may have written it.
func tlsError(peer string, err error) *Error {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		hostname     x509.HostnameError
		invalid      x509.CertificateInvalidError
		record       tls.RecordHeaderError
	)
	text, hint := "", ""
	switch {
	case errors.As(err, &authority):
		text, hint = "shows a certificate signed by unknown authority", hintAuthority
	case errors.As(err, &hostname):
		text, hint = "shows a certificate for another name", hintName
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && time.Now().Before(invalid.Cert.NotBefore):
		text, hint = "shows a certificate that is not valid yet", hintClock
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		text, hint = "shows a certificate that has expired", hintClock
	case errors.As(err, &verification):
		text, hint = "shows a certificate that is not sound", hintAuthority
	case errors.As(err, &record):
		text, hint = "does not speak TLS", hintNoTLS
	// Two errors without a type: an alert of the peer, and our own.
	case strings.Contains(err.Error(), "protocol version not supported"), strings.Contains(err.Error(), "unsupported protocol version"):
		text, hint = "speaks no TLS newer than 1.1", hintOldTLS
	default:
		return nil
	}
	return &Error{Reason: Untrusted, Err: errors.New(peer + " " + text), Hint: hint}
}

// timeout describes a timeout in the phase.
func (p Phase) timeout() string {
	switch p {
	case Connecting:
		return fmt.Sprintf("no connection within %v", connectTimeout)
	case Handshake:
		return fmt.Sprintf("the TLS handshake did not end within %v", connectTimeout)
	case Sent:
		return fmt.Sprintf("no answer within %v", Timeout)
	default:
		return fmt.Sprintf("the answer did not end within %v", Timeout)
	}
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// isReset reports whether HTTP/2 ended an answer early. These errors have no exported
// type, and may quote the server.
func isReset(err error) bool {
	text := err.Error()
	return strings.Contains(text, "stream error: ") || strings.Contains(text, "GOAWAY")
}
