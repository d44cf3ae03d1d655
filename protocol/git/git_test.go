package git

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
	for _, tt := range []struct {
		name, in string
		want     Request
	}{
		{"empty", "", Request{}},
		{"old git", "protocol=https\nhost=acme.my.salesforce.com\npath=repo\n\n", Request{Protocol: "https", Host: "acme.my.salesforce.com"}},
		{"no empty line", "protocol=https\nhost=a", Request{Protocol: "https", Host: "a"}},
		{"what follows the empty line", "host=a\n\nhost=b\n", Request{Host: "a"}},
		{"new git", "capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=a:8443\nwwwauth[]=Bearer realm=\"x\"\n",
			Request{Protocol: "https", Host: "a:8443", Bearer: true}},
		{"a list that starts again", "capability[]=authtype\ncapability[]=\ncapability[]=state\n", Request{}},
		{"a value with =", "username=a=b\n", Request{Username: "a=b"}},
		{"rejected password", "username=prod\npassword=00Dxx!test\n", Request{Username: "prod", Secret: secret.New("00Dxx!test")}},
		{"rejected credential", "authtype=Bearer\ncredential=00Dxx!test\n", Request{Secret: secret.New("00Dxx!test")}},
		{"the longest line", "path=" + strings.Repeat("a", maxLine-len("path=")) + "\nhost=a\n", Request{Host: "a"}},
	} {
		got, err := Decode(strings.NewReader(tt.in))
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", tt.name, err, diff)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"no key":          "=value\n",
		"no =":            "protocol\n",
		"NUL":             "host=a\x00.evil.test\n",
		"CRLF":            "protocol=https\r\nhost=a\r\n",
		"a line too long": "path=" + strings.Repeat("a", maxLine-len("path=")+1) + "\n",
		"too much":        strings.Repeat("path="+strings.Repeat("a", 65000)+"\n", 17),
	} {
		_, err := Decode(strings.NewReader(in))
		if e := (*protocol.Error)(nil); !errors.As(err, &e) || e.Code != protocol.BadRequest || strings.Contains(e.Message, "evil") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		protocol, host string
		want           string
	}{
		{"https", "ACME.my.salesforce.com", "https://acme.my.salesforce.com"},
		{"https", "localhost:8443", "https://localhost:8443"},
		{"http", "acme.my.salesforce.com", ""},
		{"ssh", "acme.my.salesforce.com", ""},
		{"https", "", ""},
		{"", "acme.my.salesforce.com", ""},
		{"https://acme.my.salesforce.com/?", "evil.test", ""},
		{"https://acme.my.salesforce.com#", "evil.test", ""},
		{"https", "acme.my.salesforce.com/../evil.test", ""},
		{"https", "acme.my.salesforce.com#evil.test", ""},
		{"https", "acme.my.salesforce.com?evil.test", ""},
		{"https", "me@acme.my.salesforce.com", ""},
		{"https", "acme.my.s\u0130te.com", ""},
		{"https", "acme.my.s%C4%B0te.com", ""},
		{"http\u017f", "acme.my.salesforce.com", ""},
	} {
		if got, err := (Request{Protocol: tt.protocol, Host: tt.host}).Origin(); got != tt.want || (err == nil) == (tt.want == "") {
			t.Errorf("%s, %s: %q, %v", tt.protocol, tt.host, got, err)
		}
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	c := protocol.Credential{Org: "prod", Token: token.Token{AccessToken: secret.New("00Dxx!test"), TokenType: "Bearer"}, ExpiresAt: time.Unix(1795514400, 999)}
	for _, tt := range []struct {
		req  Request
		want string
	}{
		{Request{Bearer: true}, "capability[]=authtype\nauthtype=Bearer\ncredential=00Dxx!test\nephemeral=1\npassword_expiry_utc=1795514400\n"},
		{Request{}, "username=prod\npassword=00Dxx!test\npassword_expiry_utc=1795514400\n"},
		{Request{Username: "me@acme.com"}, "username=me@acme.com\npassword=00Dxx!test\npassword_expiry_utc=1795514400\n"},
	} {
		var b strings.Builder
		if err := tt.req.Encode(&b, c); err != nil || b.String() != tt.want {
			t.Errorf("%v: %v: %s", tt.req, err, cmp.Diff(tt.want, b.String()))
		}
	}
}

// FuzzDecode checks that no attribute contains a line end, which would end a line of the answer.
func FuzzDecode(f *testing.F) {
	f.Add("capability[]=authtype\nprotocol=https\nhost=acme.my.salesforce.com\nusername=prod\npassword=x\n\n")
	f.Fuzz(func(t *testing.T, in string) {
		req, err := Decode(strings.NewReader(in))
		if err == nil && strings.ContainsAny(req.Protocol+req.Host+req.Username+req.Secret.Reveal(), "\n\r\x00") {
			t.Errorf("%q: %v", in, req)
		}
	})
}
