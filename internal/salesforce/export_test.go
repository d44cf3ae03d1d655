package salesforce

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"forcecred/internal/hints"
	"forcecred/internal/salesforce/transport"
	"forcecred/protocol/remedy"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// Row is a row of the tables in docs/errors.md.
type Row struct {
	Seen  string // the words of the message, in Markdown
	Means string
	Todo  string
	Error *Error // the error of the row
}

// Rows returns all rows: for an OAuth error, for an HTTP status, for an unusable answer
// and for the network. The last two come from samples, which the program itself
// classifies.
func Rows() (words, statuses, answers, network []Row, err error) {
	words = append(ruleRows(errorRules), unknown.row("any other `error`", http.StatusBadRequest))

	for _, row := range statusRules {
		seen := fmt.Sprintf("HTTP %d", row.from)
		switch {
		case row.to == 999:
			seen += " and above"
		case row.to > row.from+1:
			seen = fmt.Sprintf("another HTTP %dxx", row.from/100)
		case row.to > row.from:
			seen += fmt.Sprintf(", %d", row.to)
		case row.retryAfter:
			seen += " with Retry-After"
		}
		statuses = append(statuses, row.row(seen, row.from))
	}

	for _, sample := range []struct {
		old, new string
		class
	}{
		{whole, "<html>", notAnswer},
		{whole, "", notAnswer},
		{`"expires_in":"7200"}`, "", notAnswer},
		{`"access_token":"00Dxx!test_access_token",`, "", malformed},
		{`"Bearer"`, `"MAC"`, malformed},
		{`https://acme.my.salesforce.com/`, `https://evil.example`, foreignHost},
		{`https://api.salesforce.com`, `http://api.salesforce.com`, foreignHost},
		{`IuBE`, `AAAA`, wrongSignature},
	} {
		host, hostErr := ParseHost(DefaultLoginURL, "", false)
		_, failed := decodeAnswer(transport.Response{Status: http.StatusOK, Header: nil, Body: []byte(strings.Replace(whole, sample.old, sample.new, 1))},
			host, awkwardSecret, awkwardToken)
		e := (*Error)(nil)
		if hostErr != nil || !errors.As(failed, &e) || e.Remedy != sample.remedy() {
			return nil, nil, nil, nil, fmt.Errorf("the sample of %q is %v", sample.why, failed)
		}
		answers = append(answers, Row{"`" + e.Err.Error() + "`", sample.why, hints.Text(remedy.To(sample.remedyCode)), e})
	}

	const host = "acme.my.salesforce.com"
	means := map[Reason]string{
		Unreachable: "no connection was made, and nothing was sent",
		Untrusted:   "the host did not prove by TLS who it is, and nothing was sent",
		Blocked:     "the proxy does not let the request through, and nothing was sent",
		Lost:        "forcecred sent the request, and got no whole answer",
	}
	proxy := &url.URL{Scheme: "http", Host: "proxy.example:3128"}
	for _, sample := range []struct {
		err   error
		at    transport.Phase
		proxy *url.URL
	}{
		{&net.DNSError{Err: "no such host", Name: host, IsNotFound: true}, transport.Connecting, nil},
		{&net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(203, 0, 113, 7), Port: 443}, Err: errors.New("connect: connection refused")}, transport.Connecting, nil},
		{os.ErrDeadlineExceeded, transport.Connecting, nil},
		{os.ErrDeadlineExceeded, transport.Handshake, nil},
		{io.EOF, transport.Handshake, nil},
		{errors.New("any other"), transport.Handshake, nil},
		{x509.UnknownAuthorityError{}, transport.Handshake, nil},
		{x509.HostnameError{Host: host, Certificate: &x509.Certificate{DNSNames: []string{"proxy.example"}}}, transport.Handshake, nil},
		{x509.CertificateInvalidError{Reason: x509.Expired, Cert: &x509.Certificate{}}, transport.Handshake, nil},
		{x509.CertificateInvalidError{Reason: x509.Expired, Cert: &x509.Certificate{NotBefore: time.Now().Add(time.Hour)}}, transport.Handshake, nil},
		{&tls.CertificateVerificationError{Err: errors.New("any other")}, transport.Handshake, nil},
		{tls.RecordHeaderError{}, transport.Handshake, nil},
		{errors.New("remote error: tls: protocol version not supported"), transport.Handshake, nil},
		{&net.DNSError{Err: "no such host", Name: "proxy.example", IsNotFound: true}, transport.Connecting, proxy},
		{os.ErrDeadlineExceeded, transport.Connecting, proxy},
		{io.EOF, transport.Connecting, proxy},
		{errors.New("any other"), transport.Connecting, proxy},
		{&net.OpError{Op: transport.OpSOCKS, Err: errors.New("any other")}, transport.Connecting, proxy},
		{&transport.ProxyRefusal{Status: http.StatusProxyAuthRequired}, transport.Connecting, proxy},
		{&transport.ProxyRefusal{Status: http.StatusProxyAuthRequired, HasPassword: true}, transport.Connecting, proxy},
		{&transport.ProxyRefusal{Status: http.StatusProxyAuthRequired, Schemes: []string{"Negotiate"}}, transport.Connecting, proxy},
		{&transport.ProxyRefusal{Status: http.StatusForbidden}, transport.Connecting, proxy},
		{&transport.ProxyRefusal{Status: http.StatusBadGateway}, transport.Connecting, proxy},
		{os.ErrDeadlineExceeded, transport.Sent, nil},
		{os.ErrDeadlineExceeded, transport.Answering, nil},
		{io.ErrUnexpectedEOF, transport.Answering, nil},
		{transport.ErrTooLarge, transport.Answering, nil},
		{errors.New("any other"), transport.Answering, nil},
	} {
		_, e := withStatus(transport.Response{}, transport.Classify(sample.err, sample.at, sample.proxy))
		todo := hints.Text(remedy.To(e.Remedy.Code))
		network = append(network, Row{"`" + e.Error() + "`", means[e.Reason], todo, e})
	}
	return words, statuses, answers, network, nil
}

// GrantRows returns the rows for an assertion and for a client's credentials.
func GrantRows() (assertion, client []Row) {
	return append(ruleRows(assertionRules), assertionRefused.row("other words of `invalid_grant`", http.StatusBadRequest)),
		append(ruleRows(clientRules), clientRefused.row("other words of `invalid_grant`", http.StatusBadRequest))
}

// LoginRows returns the rows for a login, with forcecred's own refusals.
func LoginRows() []Row {
	rows := ruleRows(loginRules)
	rows = append(rows, loginRefused.row("`invalid_grant` with words that are in no table", http.StatusBadRequest))
	for _, own := range []struct {
		seen string
		class
	}{
		{"the answer has no refresh token", noRefreshToken},
		{"the answer's id_token is …", wrongIDToken},
	} {
		rows = append(rows, own.row("`"+own.seen+"`", http.StatusOK))
	}
	return rows
}

// DataCloudRows returns the rows for the exchange of a Data Cloud token.
func DataCloudRows() []Row {
	return append(ruleRows(dataCloudRules),
		orgTokenRefused.row("other words of `invalid_grant`, HTTP 401, or a login page", http.StatusUnauthorized),
		dataCloudOff.row("HTTP 404", http.StatusNotFound))
}

func ruleRows(table []errorRule) (rows []Row) {
	for i, row := range table {
		seen := row.code
		above := slices.ContainsFunc(table[:i], func(r errorRule) bool { return r.code == row.code })
		switch {
		case row.sample != "":
			seen += ": " + row.sample
		case row.contains != "":
			seen += ": " + row.contains
		}
		seen = "`" + seen + "`"
		switch {
		case row.contains == "" && above && row.sample != "":
			seen += ", or other words"
		case row.contains == "" && above:
			seen += " with other words"
		}
		rows = append(rows, row.row(seen, http.StatusBadRequest))
	}
	return rows
}

func (c class) row(seen string, status int) Row {
	return Row{seen, c.why, hints.Text(remedy.To(c.remedyCode)), &Error{Reason: c.reason, Status: status, Remedy: c.remedy()}}
}
