package docker

import (
	"errors"
	"strings"
	"testing"

	"forcecred/internal/hints"
	"forcecred/protocol"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"

	"github.com/google/go-cmp/cmp"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://acme.my.salesforce.com":          "https://acme.my.salesforce.com",
		"acme.my.salesforce.com\n":                "acme.my.salesforce.com",
		" https://acme.my.salesforce.com/v1/\r\n": "https://acme.my.salesforce.com/v1/",
		pad(maxRequest):                           strings.TrimSpace(pad(maxRequest)),
	} {
		if got, err := Decode(strings.NewReader(in)); err != nil || got.ServerURL != want {
			t.Errorf("%.40q: %.40q, %v", in, got.ServerURL, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "\n", " \r\n\t"} {
		if _, err := Decode(strings.NewReader(in)); !errors.Is(err, ErrNoServerURL) {
			t.Errorf("%q: %v", in, err)
		}
	}
	for name, in := range map[string]string{
		"NUL":       "https://acme.my.salesforce.com\x00.evil.test",
		"two lines": "https://acme.my.sales\nforce.com",
		"CRLF":      "https://acme.my.salesforce.com\r\nhttps://evil.test",
		"a blank":   "https://acme.my.salesforce.com evil.test",
		"too much":  pad(maxRequest + 1),
	} {
		_, err := Decode(strings.NewReader(in))
		if e, ok := errors.AsType[*protocol.Error](err); !ok || e.Code != protocol.BadRequest || strings.Contains(e.Message, "evil") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// pad returns a URL and white space of that many bytes.
func pad(size int) string {
	const url = "https://acme.my.salesforce.com/"
	return url + strings.Repeat(" ", size-len(url))
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://acme.my.salesforce.com":             "https://acme.my.salesforce.com",
		"https://ACME.my.salesforce.com:443/v1/":     "https://acme.my.salesforce.com",
		"acme.my.salesforce.com":                     "https://acme.my.salesforce.com",
		"//acme.my.salesforce.com/v2/":               "https://acme.my.salesforce.com",
		"localhost:8443":                             "https://localhost:8443",
		"acme.my.salesforce.com.evil.test":           "https://acme.my.salesforce.com.evil.test", // another host
		"acme.my.salesforce.com:8443":                "https://acme.my.salesforce.com:8443",      // another origin
		"http://acme.my.salesforce.com":              "",
		"ssh://acme.my.salesforce.com":               "",
		"acme.my.salesforce.com/https://evil.test":   "",
		"me@acme.my.salesforce.com":                  "",
		"https://acme.my.salesforce.com@evil.test":   "",
		"acme.my.salesforce.com.":                    "",
		"аcme.my.salesforce.com":                     "", // a Cyrillic а
		"https://":                                   "",
		"////acme.my.salesforce.com":                 "",
		"https:acme.my.salesforce.com":               "",
		"\\\\acme.my.salesforce.com":                 "",
		"acme.my.s\u0130te.com":                      "",
		"acme.my.s%C4%B0te.com":                      "",
		"https://acme.my.s\u0130te.com/v1/":          "",
		"acme.my.salesforce.com\u00a0":               "",
		"https://acme.my.salesforce.com\\@evil.test": "",
	} {
		if got, err := (Request{in}).Origin(); got != want || (err == nil) == (want == "") {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	c := protocol.Credential{Org: "prod", Token: token.Token{AccessToken: secret.New(`00Dxx!"test`)}}
	want := `{"ServerURL":"acme.my.salesforce.com/v1","Username":"prod","Secret":"00Dxx!\"test"}` + "\n"
	if err := (Request{"acme.my.salesforce.com/v1"}).Encode(&b, c); err != nil || b.String() != want {
		t.Errorf("%v\n%s", err, cmp.Diff(want, b.String()))
	}
}

func TestEncodeList(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		orgs []protocol.ListedOrg
		want string
	}{
		{"none", nil, `{}`},
		{"login and instance", []protocol.ListedOrg{
			{Org: "dev", LoginURL: "https://test.salesforce.com"},
			{Org: "prod", LoginURL: "https://login.salesforce.com", InstanceURL: "https://acme.my.salesforce.com"},
		}, `{"https://acme.my.salesforce.com":"prod","https://login.salesforce.com":"prod","https://test.salesforce.com":"dev"}`},
		{"one host for both", []protocol.ListedOrg{{Org: "prod", LoginURL: "https://acme.my.salesforce.com", InstanceURL: "https://acme.my.salesforce.com"}},
			`{"https://acme.my.salesforce.com":"prod"}`},
		{"a shared host", []protocol.ListedOrg{
			{Org: "a", LoginURL: "https://login.salesforce.com", InstanceURL: "https://a.my.salesforce.com"},
			{Org: "b", LoginURL: "https://login.salesforce.com"},
			{Org: "c", LoginURL: "https://login.salesforce.com"},
		}, `{"https://a.my.salesforce.com":"a"}`},
		{"a damaged org", []protocol.ListedOrg{{Org: "bad"}}, `{}`},
	} {
		var b strings.Builder
		if err := EncodeList(&b, tt.orgs); err != nil || b.String() != tt.want+"\n" {
			t.Errorf("%s: %v\n%s", tt.name, err, cmp.Diff(tt.want+"\n", b.String()))
		}
	}
}

func TestRefuseStore(t *testing.T) {
	t.Parallel()
	const canary = "test-password-0001"
	for in, want := range map[string]string{
		`{"ServerURL":"https://acme.my.salesforce.com","Username":"me","Secret":"` + canary + `"}`: "forcecred store",
		`{"ServerURL":"","Username":"me","Secret":"` + canary + `"}`:                               "no credentials server URL",
		`{"Username":"me","Secret":"` + canary + `"}`:                                              "no credentials server URL",
		`{"ServerURL":"https://acme.my.salesforce.com","Secret":"` + canary + `"}`:                 "no credentials username",
		`{"ServerURL":["` + canary + `"],"Username":"me"}`:                                         `member "ServerURL" is not a string`,
		``:                                       "empty input",
		canary:                                   "not a JSON object",
		`{"ServerURL":"a","ServerURL":"b"}`:      "two members",
		"{\"ServerURL\":\"" + canary + "\x00\"}": "not valid JSON",
		`{"Secret":"` + pad(maxRequest) + `"}`:   "more than the allowed size",
		`{"ServerURL":"a","Username":"b"} {}` + "": "data after",
	} {
		var b strings.Builder
		refusal := RefuseStore(strings.NewReader(in))
		if e, ok := errors.AsType[*protocol.Error](refusal); ok {
			refusal = hints.Word(e)
		}
		if err := EncodeError(&b, refusal); err != nil || !strings.Contains(b.String(), want) || strings.Contains(b.String(), canary) {
			t.Errorf("%.60q: %v: %s", in, err, b.String())
		}
	}
}

func TestEncodeError(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{ErrNotFound, "credentials not found in native keychain\n"},
		{&protocol.Error{Code: protocol.OrgNotFound, Message: "no org", Hint: "none"}, "credentials not found in native keychain\n"},
		{ErrNoServerURL, "no credentials server URL\n"},
		{ErrNoUsername, "no credentials username\n"},
		{ErrUsage, "Usage: docker-credential-forcecred <store|get|erase|list|version>\n"},
		{UnknownAction("frobnicate"), "docker-credential-forcecred: unknown action: frobnicate\n"},
		{UnknownAction("00Dxx!test"), "docker-credential-forcecred: unknown action\n"},
		{&protocol.Error{Code: protocol.SignInAgain, Message: "it is dead", Hint: "sign in"}, "forcecred: it is dead\nforcecred: hint: sign in\n"},
	} {
		var b strings.Builder
		if err := EncodeError(&b, tt.err); err != nil || b.String() != tt.want {
			t.Errorf("%v: %v\n%s", tt.err, err, cmp.Diff(tt.want, b.String()))
		}
	}
}

// FuzzDecode checks that a server's URL is one line and contains the host of its origin.
func FuzzDecode(f *testing.F) {
	f.Add("https://acme.my.salesforce.com/v1/\n")
	f.Add("acme.my.salesforce.com:8443")
	f.Fuzz(func(t *testing.T, in string) {
		req, err := Decode(strings.NewReader(in))
		if (err == nil) == (req.ServerURL == "") || strings.ContainsAny(req.ServerURL, "\n\r\x00") {
			t.Errorf("%q: %q, %v", in, req.ServerURL, err)
		}
		if host, err := req.Origin(); err == nil && !strings.Contains(strings.ToLower(in), strings.Trim(strings.Split(strings.TrimPrefix(host, "https://"), ":")[0], "[]")) {
			t.Errorf("%q does not contain the host of its origin %q", in, host)
		}
	})
}

// FuzzRefuseStore checks that nothing is stored, and that no error quotes the request.
func FuzzRefuseStore(f *testing.F) {
	f.Add(`{"ServerURL":"https://acme.my.salesforce.com","Username":"me","Secret":"test-password-0001"}`)
	f.Fuzz(func(t *testing.T, in string) {
		err := RefuseStore(strings.NewReader(in))
		if err == nil {
			t.Fatalf("%q was stored", in)
		}
		if _, isError := errors.AsType[*protocol.Error](err); !isError && !errors.Is(err, ErrNoServerURL) && !errors.Is(err, ErrNoUsername) {
			t.Errorf("%q: %v", in, err)
		}
	})
}
