package salesforce

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

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
)

// errUnsound stands for the library's errors that quote what the server sent,
// and with it perhaps a secret that the request had brought there.
var errUnsound = errors.New("the answer is not sound HTTP, or has too many headers")

// networkError names what went wrong below HTTP. It keeps those texts of the
// standard library that hold nothing but addresses and the system's errors.
func networkError(err error, t *trip) *Error {
	at, proxy := t.reached()
	if proxy != nil {
		return proxyError(err, proxy)
	}
	e := &Error{Reason: Lost, Hint: lost.hint()}
	if at < sent {
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
		e.Err, e.Hint = errors.New(lookupFault(dns)), hintDNS
	case isTimeout(err):
		e.Err, e.Hint = errors.New(at.timeout()), hintSlow
	case isEnd(err) && at < sent:
		e.Err = errors.New("the connection was closed during the TLS handshake")
	case isEnd(err), isReset(err):
		e.Err = errors.New("the connection was closed before the whole answer came")
	case errors.As(err, &op):
		e.Err = op
	case errors.Is(err, context.Canceled), errors.Is(err, errTooLarge):
		e.Err = err
	case at < sent:
		e.Err = errors.New("the TLS handshake failed")
	default:
		e.Err = errUnsound
	}
	return e
}

// tlsError names what is wrong with the TLS of who, or returns nil when nothing
// is. What a certificate says is not quoted: anybody could have written it.
func tlsError(who string, err error) *Error {
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
	// Two errors without a type: an alert from the other side, and our own.
	case strings.Contains(err.Error(), "protocol version not supported"), strings.Contains(err.Error(), "unsupported protocol version"):
		text, hint = "speaks no TLS newer than 1.1", hintOldTLS
	default:
		return nil
	}
	return &Error{Reason: Untrusted, Err: errors.New(who + " " + text), Hint: hint}
}

// timeout says what did not happen in time.
func (s stage) timeout() string {
	switch s {
	case connecting:
		return fmt.Sprintf("no connection within %v", connectTimeout)
	case securing:
		return fmt.Sprintf("the TLS handshake did not end within %v", connectTimeout)
	case sent:
		return fmt.Sprintf("no answer within %v", ExchangeTimeout)
	default:
		return fmt.Sprintf("the answer did not end within %v", ExchangeTimeout)
	}
}

// lookupFault says why a host's name has no address.
func lookupFault(err *net.DNSError) string {
	return fmt.Sprintf("the name %s can't be looked up: %s", err.Name, err.Err)
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// isReset reports whether HTTP/2 broke an answer off. The errors have no type
// that can be named, and may quote the server.
func isReset(err error) bool {
	text := err.Error()
	return strings.Contains(text, "stream error: ") || strings.Contains(text, "GOAWAY")
}
