package salesforce

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
)

// Row is a row of the tables as docs/errors.md shows it.
type Row struct {
	Seen  string // what a person sees of it, in Markdown
	Means string
	Todo  string
	Error *Error // what it comes to
}

// Rows returns all rows: what Salesforce says, what came from elsewhere, and what
// went wrong with an answer or below HTTP. The last two are samples that go
// through the code which decides, texts included.
func Rows() (words, statuses, answers, network []Row, err error) {
	for i, row := range byWords {
		seen := row.code
		above := slices.ContainsFunc(byWords[:i], func(r wordsRow) bool { return r.code == row.code })
		switch {
		case row.text != "":
			seen += ": " + row.text
		case row.words != "":
			seen += ": " + row.words
		}
		seen = "`" + seen + "`"
		switch {
		case row.words == "" && above && row.text != "":
			seen += ", or other words"
		case row.words == "" && above:
			seen += " with other words"
		}
		words = append(words, row.row(seen, http.StatusBadRequest))
	}
	words = append(words, unknown.row("any other `error`", http.StatusBadRequest))

	for _, row := range byStatus {
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
		meaning
	}{
		{whole, "<html>", noAnswer},
		{whole, "", noAnswer},
		{`"expires_in":"7200"}`, "", noAnswer},
		{`"access_token":"00Dxx!test_access_token",`, "", malformed},
		{`"Bearer"`, `"MAC"`, malformed},
		{`https://acme.my.salesforce.com/`, `https://evil.example`, foreignHost},
		{`https://api.salesforce.com`, `http://api.salesforce.com`, foreignHost},
		{`IuBE`, `AAAA`, wrongSignature},
	} {
		login, loginErr := ParseLogin(DefaultLoginURL, "", false)
		_, failed := decodeAnswer(response{http.StatusOK, nil, []byte(strings.Replace(whole, sample.old, sample.new, 1))},
			RefreshGrant{login, "test-client-id", awkwardSecret, awkwardToken})
		e := (*Error)(nil)
		if loginErr != nil || !errors.As(failed, &e) || e.Hint != sample.hint() {
			return nil, nil, nil, nil, fmt.Errorf("the sample of %q is %v", sample.means, failed)
		}
		answers = append(answers, Row{"`" + e.Err.Error() + "`", sample.means, sample.todo, e})
	}

	const host = "acme.my.salesforce.com"
	for _, sample := range []struct {
		err  error
		sent bool
	}{
		{&net.DNSError{Err: "no such host", Name: host, IsNotFound: true}, false},
		{errors.New("dial tcp 203.0.113.7:443: connect: connection refused"), false},
		{x509.UnknownAuthorityError{}, false},
		{x509.HostnameError{Host: host, Certificate: &x509.Certificate{DNSNames: []string{"proxy.example"}}}, false},
		{x509.CertificateInvalidError{Reason: x509.Expired, Detail: "current time … is after …"}, false},
		{os.ErrDeadlineExceeded, true},
		{io.ErrUnexpectedEOF, true},
		{errTooLarge, true},
	} {
		e := networkError(sample.err, sample.sent).finish()
		m := belowHTTP[e.Reason]
		todo := e.Hint
		if e.Hint == m.hint() {
			todo = m.todo
		}
		network = append(network, Row{"`" + e.Error() + "`", m.means, todo, e})
	}
	return words, statuses, answers, network, nil
}

func (m meaning) row(seen string, status int) Row {
	return Row{seen, m.means, m.todo, &Error{Reason: m.reason, Status: status, Hint: m.hint()}}
}
