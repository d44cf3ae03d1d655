package bazel

import (
	"errors"
	"strings"
	"testing"
	"time"

	"forcecred/protocol"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"

	"github.com/google/go-cmp/cmp"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"uri":"https://acme.my.salesforce.com/x"}`:                                  "https://acme.my.salesforce.com/x",
		"{\r\n\"uri\": \"https://acme.my.salesforce.com\"}\r\n":                       "https://acme.my.salesforce.com",
		`{"version":9,"uri":"https://acme.my.salesforce.com","URI":"https://a.test"}`: "https://acme.my.salesforce.com", // the protocol has no versions
		sized(maxRequest): "https://acme.my.salesforce.com",
	} {
		if got, err := Decode(strings.NewReader(in)); err != nil || got.URI != want {
			t.Errorf("%.60q: %q, %v", in, got.URI, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"empty":         "",
		"a bare URI":    "https://evil.test",
		"an array":      `[{"uri":"https://evil.test"}]`,
		"no uri":        `{"url":"https://evil.test"}`,
		"an empty uri":  `{"uri":""}`,
		"null":          `{"uri":null}`,
		"a number":      `{"uri":1}`,
		"two uris":      `{"uri":"https://acme.my.salesforce.com","uri":"https://evil.test"}`,
		"two documents": `{"uri":"https://acme.my.salesforce.com"}{"uri":"https://evil.test"}`,
		"NUL":           "{\"uri\":\"https://acme.my.salesforce.com\x00.evil.test\"}",
		"too much":      sized(maxRequest + 1),
	} {
		_, err := Decode(strings.NewReader(in))
		if e, ok := errors.AsType[*protocol.Error](err); !ok || e.Code != protocol.BadRequest || strings.Contains(e.Message, "evil") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// sized returns a request of that many bytes.
func sized(size int) string {
	const before, after = `{"uri":"https://acme.my.salesforce.com","x":"`, `"}`
	return before + strings.Repeat("a", size-len(before)-len(after)) + after
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"https://acme.my.salesforce.com/services/data": "https://acme.my.salesforce.com",
		"https://ACME.my.salesforce.com:443":           "https://acme.my.salesforce.com",
		"https://acme.my.salesforce.com.evil.test/":    "https://acme.my.salesforce.com.evil.test", // another host
		"https://acme.my.salesforce.com:8443/":         "https://acme.my.salesforce.com:8443",      // another origin
		"http://acme.my.salesforce.com/":               "",
		"grpcs://acme.my.salesforce.com/x.Service/Get": "",
		"acme.my.salesforce.com":                       "",
		"https://me@acme.my.salesforce.com/":           "",
		"https://acme.my.salesforce.com@evil.test/":    "",
		"https://acme.my.salesforce.com./":             "",
		"https://аcme.my.salesforce.com/":              "", // a Cyrillic а
		"https://acme.my.s\u0130te.com/":               "",
		"https://acme.my.s%C4%B0te.com/":               "",
		"https://acme.my.salesforce.com\r\nHost: evil": "",
		"https://acme.my.salesforce.com\x00.evil.test": "",
	} {
		got, err := Request{uri}.Origin()
		if got != want || (err == nil) == (want == "") || err != nil && strings.Contains(err.Error(), "evil") {
			t.Errorf("%q: %q, %v; want %q", uri, got, err, want)
		}
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 11, 24, 12, 0, 0, 999, time.FixedZone("", 3600))
	c := protocol.Credential{Token: token.Token{AccessToken: secret.New("00Dxx!test"), TokenType: "Bearer"}, ExpiresAt: end}
	for _, tt := range []struct {
		left    time.Duration
		expires string
	}{
		{2 * time.Hour, "2026-11-24T10:59:00Z"},
		{protocol.CacheMinTTL + time.Second, "2026-11-24T10:59:00Z"},
		{20 * time.Second, "2026-11-24T10:59:51Z"},
		{time.Second, "2026-11-24T11:00:00Z"},
	} {
		var b strings.Builder
		want := `{"headers":{"Authorization":["Bearer 00Dxx!test"]},"expires":"` + tt.expires + `"}` + "\n"
		if err := Encode(&b, c, end.Add(-tt.left)); err != nil || b.String() != want {
			t.Errorf("%v before the expiry: %v\n%s", tt.left, err, cmp.Diff(want, b.String()))
		}
	}
}

// FuzzDecode checks that there is a URI or an error, and that the URI contains the host of its origin.
func FuzzDecode(f *testing.F) {
	f.Add(`{"uri":"https://acme.my.salesforce.com:8443/x"}`)
	f.Fuzz(func(t *testing.T, in string) {
		req, err := Decode(strings.NewReader(in))
		if (err == nil) == (req.URI == "") {
			t.Errorf("%q: %q, %v", in, req.URI, err)
		}
		if host, err := req.Origin(); err == nil && !strings.Contains(strings.ToLower(req.URI), strings.Trim(strings.Split(strings.TrimPrefix(host, "https://"), ":")[0], "[]")) {
			t.Errorf("%q does not contain the host of its origin %q", req.URI, host)
		}
	})
}
