package kubernetes

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"forcecred/internal/hints"
	"forcecred/internal/strictjson"
	"forcecred/protocol"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"

	"github.com/google/go-cmp/cmp"
)

// asked returns a request of that version with that spec.
func asked(version, spec string) string {
	return `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/` + version + `","spec":` + spec + `}`
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		want     Request
	}{
		{"by hand", "", Request{APIVersion: v1, Interactive: true}},
		{"kubectl 1.20", asked("v1beta1", `{}`), Request{APIVersion: v1beta1}},
		{"interactive", asked("v1beta1", `{"interactive":true}`), Request{APIVersion: v1beta1, Interactive: true}},
		{"no spec", `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential"}`, Request{APIVersion: v1}},
		{"no config", asked("v1", `{"interactive":false,"cluster":{"server":"https://127.0.0.1:6443","config":null}}`), Request{APIVersion: v1}},
		{"all", asked("v1", `{"interactive":true,"cluster":{"server":"https://127.0.0.1:6443","tls-server-name":"a","insecure-skip-tls-verify":true,
			"certificate-authority-data":"LS0t","proxy-url":"http://b","disable-compression":true,"config":{"org":"prod"}}}`),
			Request{v1, true, "prod"}},
		{"unknown fields", asked("v1", `{"later":[1],"cluster":{"later":{},"config":{"org":"prod","Org":"dev","audience":["a"]}}}`), Request{APIVersion: v1, Org: "prod"}},
		{"the server's name is not the org", asked("v1", `{"cluster":{"server":"https://acme.my.salesforce.com","config":{}}}`), Request{APIVersion: v1}},
		{"as large as it may be", asked("v1", `"`+strings.Repeat("a", maxSize-len(asked("v1", `""`)))+`"`), Request{}},
	} {
		got, err := Decode(tt.in)
		if tt.want == (Request{}) { // its size alone must not cause an error
			if err == nil || !strings.Contains(err.Error(), `"spec" is not an object`) {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", tt.name, err, diff)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"blank", " \r\n", "empty input"},
		{"not JSON", "evil", "not a JSON object"},
		{"another version", asked("v1alpha1", `{}`), "its apiVersion"},
		{"a later version", asked("v2", `{}`), "its apiVersion"},
		{"a version in another case", asked("V1", `{}`), "its apiVersion"},
		{"another group", strings.Replace(asked("v1", `{}`), "client.authentication.k8s.io", "client.authentication.k8s.io.evil.test", 1), "its apiVersion"},
		{"no version", `{"kind":"ExecCredential"}`, "its apiVersion"},
		{"another kind", `{"kind":"evil","apiVersion":"client.authentication.k8s.io/v1"}`, "its kind is not ExecCredential"},
		{"no kind", `{"apiVersion":"client.authentication.k8s.io/v1"}`, "its kind is not ExecCredential"},
		{"the version before the rest", asked("v2", `7`), "its apiVersion"},
		{"a spec of another type", asked("v1", `[]`), `"spec" is not an object`},
		{"interactive as text", asked("v1", `{"interactive":"evil"}`), `"interactive" is not true or false`},
		{"a cluster of another type", asked("v1", `{"cluster":"evil"}`), `"cluster" is not an object`},
		{"a config of another type", asked("v1", `{"cluster":{"config":"evil"}}`), `"config" is not an object`},
		{"an org of another type", asked("v1", `{"cluster":{"config":{"org":["evil"]}}}`), `"org" is not a string`},
		{"two orgs", asked("v1", `{"cluster":{"config":{"org":"prod","org":"evil"}}}`), "two members with the same name"},
		{"NUL", asked("v1", "{\"cluster\":{\"config\":{\"org\":\"evil\x00\"}}}"), "not valid JSON"},
		{"a value over two lines", asked("v1", "{\"cluster\":{\"config\":{\"org\":\"evil\r\nx\"}}}"), "not valid JSON"},
		{"broken UTF-8", asked("v1", "{\"cluster\":{\"config\":{\"org\":\"evil\xff\"}}}"), "not valid UTF-8"},
		{"more after it", asked("v1", `{}`) + asked("v1", `{}`), "data after the JSON object"},
		{"too much", asked("v1", `"`+strings.Repeat("a", maxSize)+`"`), "more than 1024 KiB"},
	} {
		got, err := Decode(tt.in)
		e := (*protocol.Error)(nil)
		if !errors.As(err, &e) || e.Code != protocol.BadRequest || !strings.Contains(e.Message, tt.want) || strings.Contains(e.Message+hints.Of(e), "evil") || got != (Request{}) {
			t.Errorf("%s: %v, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	ends := time.Date(2026, 11, 24, 12, 0, 0, 999, time.FixedZone("", 3600))
	c := protocol.Credential{Org: "prod", Token: token.Token{AccessToken: secret.New("00Dxx!<test>&"), TokenType: "Bearer"}, ExpiresAt: ends}
	for _, version := range []string{v1, v1beta1} {
		var b strings.Builder
		err := (Request{APIVersion: version}).Encode(&b, c, ends.Add(-time.Hour))
		want := `{"apiVersion":"` + version + `","kind":"ExecCredential","status":{"expirationTimestamp":"2026-11-24T10:59:00Z","token":"00Dxx!<test>&"}}` + "\n"
		if diff := cmp.Diff(want, b.String()); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	}
}

// FuzzDecode checks that a refused request gives no value, and that the answer to an
// accepted one is one object of the requested version.
func FuzzDecode(f *testing.F) {
	f.Add(asked("v1", `{"interactive":true,"cluster":{"server":"https://a","config":{"org":"prod"}}}`))
	f.Add(asked("v1beta1", `{}`))
	f.Fuzz(func(t *testing.T, in string) {
		req, err := Decode(in)
		if err != nil {
			if req != (Request{}) {
				t.Fatalf("an error came with %v", req)
			}
			return
		}
		wanted := map[string]any{"apiVersion": v1} // by hand
		if in != "" {
			if err := json.Unmarshal([]byte(in), &wanted); err != nil {
				t.Fatal(err)
			}
		}
		var b strings.Builder
		if err := req.Encode(&b, protocol.Credential{Token: token.Token{AccessToken: secret.New("test-access-token")}, ExpiresAt: time.Unix(1795514400, 0)}, time.Unix(1795510800, 0)); err != nil {
			t.Fatal(err)
		}
		answer, err := strictjson.Parse([]byte(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if err := answer.Fields(map[string]any{"apiVersion": &got}); err != nil || got != wanted["apiVersion"] {
			t.Errorf("%q: answered in %q (%v)", in, got, err)
		}
	})
}
