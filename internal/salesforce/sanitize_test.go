package salesforce

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"forcecred/internal/salesforce/transport"
	"forcecred/protocol/secret"
)

// encodings are the ways in which an answer may echo a secret of the request.
var encodings = map[string]func(string) string{
	"plain":                     func(s string) string { return s },
	"in upper case":             strings.ToUpper,
	"as a form":                 url.QueryEscape,
	"as a form, in lower case":  func(s string) string { return strings.ToLower(url.QueryEscape(s)) },
	"as a path":                 url.PathEscape,
	"every byte as in a URL":    func(s string) string { return each(s, "%%%02x") },
	"as HTML":                   html.EscapeString,
	"every character as HTML":   func(s string) string { return each(s, "&#%d;") },
	"in hexadecimal HTML":       func(s string) string { return each(s, "&#x%X;") },
	"as JSON":                   func(s string) string { return strings.ReplaceAll(s, "/", `\/`) },
	"every character as JSON":   func(s string) string { return each(s, `\u%04x`) },
	"a form in HTML":            func(s string) string { return html.EscapeString(url.QueryEscape(s)) },
	"a form in a form":          func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
	"a form in a form, in JSON": func(s string) string { return each(url.QueryEscape(url.QueryEscape(s)), `\u%04X`) },
	"its beginning":             func(s string) string { return s[:len(s)/2] },
	"its end":                   func(s string) string { return s[len(s)/2:] },
	"broken over two lines":     func(s string) string { return s[:len(s)/2] + "\n" + s[len(s)/2:] },
}

func each(s, format string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, format, c)
	}
	return b.String()
}

// The awkward secrets change in every encoding.
var (
	awkwardToken  = secret.New(`5Aep861.Test/Refresh+Token=="<&'\0001 End`)
	awkwardSecret = secret.New(`Test/Client+Secret%2F=="<&'\0001 End`)
)

func TestSecretsAreRedacted(t *testing.T) {
	t.Parallel()
	grant := testGrant(t)
	grant.RefreshToken, grant.ClientSecret = awkwardToken, awkwardSecret
	for name, encoding := range encodings {
		for _, s := range []secret.Text{awkwardToken, awkwardSecret} {
			for _, body := range append(
				errorBodies(t, "invalid_grant", "no grant for "+encoding(s.Reveal())+", sorry"),
				errorBodies(t, "x "+encoding(s.Reveal()), "")...,
			) {
				_, err := decodeRefresh(transport.Response{Status: 400, Header: http.Header{}, Body: body}, grant)
				e := (*Error)(nil)
				if !errors.As(err, &e) {
					t.Fatal(err)
				}
				if text := e.Code + e.Description + e.Error(); echoes(text, s.Reveal()) || !strings.Contains(text, secret.Redacted) {
					t.Errorf("%s: a secret is shown, or nothing was redacted", name)
				}
			}
		}
	}
}

// TestOrdinaryTextIsUnchanged: a text without a secret is shown unchanged.
func TestOrdinaryTextIsUnchanged(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "expired access/refresh token", "user hasn't approved this consumer", "100% of <b>refresh</b> tokens &amp; more", "C:\\refresh\\token", "%", "%zz", `\`, `\u12`, "日本語のエラー",
	} {
		if got := sanitize(text, awkwardToken, awkwardSecret, secret.Text{}); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	// Around a secret in plain text, the rest is unchanged.
	if got := sanitize("no grant for test-client-secret", secret.New("test-client-secret")); got != "no grant for "+secret.Redacted {
		t.Errorf("got %q", got)
	}
}

func TestDescriptionIsShortened(t *testing.T) {
	t.Parallel()
	for _, text := range []string{strings.Repeat("é", 300), strings.Repeat("é", 250) + "\n\x1b[2J\u202e" + strings.Repeat("é", 50)} {
		e := asError(t, transport.Response{Status: 400, Header: http.Header{}, Body: oauthBody(t, "invalid_grant", text)})
		if runes := []rune(e.Description); len(runes) != maxDescription+1 || runes[maxDescription] != '…' || strings.ContainsAny(e.Description, "\n\x1b\u202e") {
			t.Errorf("%d characters: %q", len(runes), e.Description)
		}
	}
}

// TestLongEcho: a server chooses the length of both the access token and its error. A
// search for each part in the whole text would take minutes; sanitize takes less than a
// second.
func TestLongEcho(t *testing.T) {
	t.Parallel()
	token := secret.New("00D!" + strings.Repeat("ab1", 70_000))
	done := make(chan string, 1)
	go func() { done <- sanitize(strings.Repeat("%2541ab1a", 28_000), token) }()
	select {
	case got := <-done:
		if strings.Contains(got, secret.Redacted) {
			t.Errorf("a text without a part of the token was redacted: %.40s", got)
		}
	case <-time.After(time.Minute):
		t.Fatal("no result after a minute")
	}
}
