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

	"forcecred/protocol/remedy"
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
	Err    error         // what happened
	Remedy remedy.Remedy // what to do about it
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

const theHost = "the host"

// errInvalidHTTP replaces those errors of the library that quote the server. The
// quoted text may have a secret of the request.
var errInvalidHTTP = errors.New("the answer is not valid HTTP, or has too many headers")

// Classify returns the error of a request that failed in a phase. proxy is the proxy
// that the request did not get through yet, or nil. Of the standard library's texts it
// keeps those that have only addresses and errors of the system.
func Classify(err error, at Phase, proxy *url.URL) *Error {
	if proxy != nil {
		return proxyError(err, proxy)
	}
	e := &Error{Reason: Lost, Remedy: remedy.Remedy{Why: "forcecred sent the request, and got no whole answer", Code: "try_again"}}
	if at < Sent {
		if e := tlsError(theHost, err); e != nil {
			return e
		}
		e.Reason, e.Remedy = Unreachable, remedy.To("check_network")
	}
	var (
		dns *net.DNSError
		op  *net.OpError
	)
	switch {
	case errors.As(err, &dns):
		e.Err, e.Remedy = fmt.Errorf("cannot look up %s: %s", dns.Name, dns.Err), remedy.To("check_dns")
	case isTimeout(err):
		e.Err, e.Remedy = errors.New(at.timeout()), remedy.To("check_slow_network")
	case isEOF(err) && at < Sent:
		e.Err = errors.New("the connection was closed during the TLS handshake")
	case isEOF(err), isReset(err):
		e.Err = errors.New("the connection was closed before the whole answer arrived")
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
	text, todo := "", remedy.Code("")
	switch {
	case errors.As(err, &authority):
		text, todo = "has a certificate signed by an unknown authority", "add_root"
	case errors.As(err, &hostname):
		text, todo = "has a certificate for another name", "check_host_name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && time.Now().Before(invalid.Cert.NotBefore):
		text, todo = "has a certificate that is not valid yet", "check_clock_or_host"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		text, todo = "has an expired certificate", "check_clock_or_host"
	case errors.As(err, &verification):
		text, todo = "has an invalid certificate", "add_root"
	case errors.As(err, &record):
		text, todo = "does not speak TLS", "check_no_tls"
	// Two errors without a type: an alert of the peer, and our own.
	case strings.Contains(err.Error(), "protocol version not supported"), strings.Contains(err.Error(), "unsupported protocol version"):
		text, todo = "speaks no TLS newer than 1.1", "check_old_tls"
	default:
		return nil
	}
	return &Error{Reason: Untrusted, Err: errors.New(peer + " " + text), Remedy: remedy.To(todo)}
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
