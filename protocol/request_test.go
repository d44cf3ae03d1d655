package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeGet(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		want     GetRequest
	}{
		{"org alone", `{"org":"prod"}`, GetRequest{Org: "prod", MinTTL: time.Minute}},
		{"all", `{"version":1,"org":"prod","min_ttl":300,"rejected_token":"test-access-token"}`,
			GetRequest{Org: "prod", MinTTL: 5 * time.Minute, RejectedToken: secret.New("test-access-token")}},
		{"the org's own, by name", `{"org":"prod","for":"org"}`, GetRequest{Org: "prod", MinTTL: time.Minute}},
		{"Data Cloud's", `{"org":"prod","for":"data-cloud"}`, GetRequest{Org: "prod", MinTTL: time.Minute, For: DataCloud}},
		{"no margin", `{"org":"prod","min_ttl":0}`, GetRequest{Org: "prod"}},
		{"unknown field", `{"org":"prod","scope":{"of":["a","later","version"]}}`, GetRequest{Org: "prod", MinTTL: time.Minute}},
		{"null is absent", `{"org":"prod","min_ttl":null,"version":null}`, GetRequest{Org: "prod", MinTTL: time.Minute}},
		{"name in another case", `{"org":"prod","Org":"dev","MIN_TTL":1}`, GetRequest{Org: "prod", MinTTL: time.Minute}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := DecodeGet(strings.NewReader(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestStoreRemedies: what a person can do is about a request to store credentials, and not
// about one for a token.
func TestStoreRemedies(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]remedy.Code{
		`{"org":"prod","client_id":"i"}`:        "see_store_request",
		`{"org":"prod","session_timeout":-1}`:   "see_store_request",
		`{"org":7}`:                             "see_store_request",
		`{"org":"prod"`:                         "see_store_request",
		`{"version":2,"org":"prod"}`:            "see_store_request",
		`{"client_id":"i","refresh_token":"t"}`: "name_org_as_argument",
		`{"sfdxAuthUrl":"force://a:b:c@d"}`:     "name_org_as_argument",
	} {
		_, err := DecodeStore(strings.NewReader(in), "")
		if e, ok := errors.AsType[*Error](err); !ok || e.Remedy != remedy.To(want) {
			t.Errorf("%s: %v, want the remedy %s", in, err, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	get := func(r io.Reader) error { _, err := DecodeGet(r); return err }
	store := func(r io.Reader) error { _, err := DecodeStore(r, ""); return err }
	erase := func(r io.Reader) error { _, err := DecodeErase(r); return err }
	for _, tt := range []struct {
		name   string
		decode func(io.Reader) error
		in     string
		want   string
	}{
		{"empty", get, "", "empty input"},
		{"too large", get, `{"org":"prod","x":"` + strings.Repeat("a", maxRequestSize) + `"}`, "more than 64 KiB"},
		{"no org", store, `{}`, "names no org"},
		{"empty org", erase, `{"org":""}`, "names no org"},
		{"org of another type", get, `{"org":["prod"]}`, `"org" is not a string`},
		{"for another API", get, `{"org":"prod","for":"marketing-cloud"}`, "for is not org or data-cloud"},
		{"for of another type", get, `{"org":"prod","for":["data-cloud"]}`, `"for" is not a string`},
		{"version 2", get, `{"version":2,"org":"prod"}`, "version is not 1"},
		{"version 0", erase, `{"version":0,"org":"prod"}`, "version is not 1"},
		{"version as text", store, `{"version":"1","org":"prod"}`, `"version" is not a whole number`},
		{"version before the rest", get, `{"version":2,"org":7}`, "version is not 1"},
		{"negative min_ttl", get, `{"org":"prod","min_ttl":-1}`, "min_ttl is not between"},
		{"huge min_ttl", get, `{"org":"prod","min_ttl":9223372036854775807}`, "min_ttl is not between"},
		{"min_ttl beyond numbers", get, `{"org":"prod","min_ttl":1e999}`, `"min_ttl" is not a whole number`},
		{"fraction", get, `{"org":"prod","min_ttl":1.5}`, `"min_ttl" is not a whole number`},
		{"token of another type", erase, `{"org":"prod","rejected_token":7}`, `"rejected_token" is not a string`},
		{"no client id", store, `{"org":"prod","refresh_token":"test-refresh-token"}`, "client_id is missing"},
		{"no refresh token", store, `{"org":"prod","client_id":"test-client-id"}`, "refresh_token is missing"},
		{"username for a terminal", store, `{"org":"prod","client_id":"i","refresh_token":"t","username":"\u001b[2J"}`, "username contains white space or control characters"},
		{"sf's result without an org", store, `{"status":0,"result":{"sfdxAuthUrl":"force://a:b:c@d"}}`, "has no name for the org"},
		{"sf's result, hidden", store, `{"result":{"sfdxAuthUrl":"[REDACTED] Use 'sf org auth show-sfdx-auth-url' to view"}}`, "has hidden the sfdxAuthUrl"},
		{"sf's result without a refresh token", store, `{"result":{"accessToken":"test-access-token"}}`, "has no sfdxAuthUrl"},
		{"sf's result as a list", store, `{"result":[]}`, "result is not an object"},
		{"sf's auth URL as a number", store, `{"sfdxAuthUrl":7}`, "is not a string"},
		{"username with a space", store, `{"org":"prod","client_id":"i","refresh_token":"t","username":"me@acme.com "}`, "username contains white space"},
		{"both forms", store, `{"org":"prod","client_id":"test-client-id","sfdx_auth_url":"force://a:b:c@d"}`, "because it contains them"},
		{"unknown grant type", store, `{"org":"prod","grant_type":"password","client_id":"i"}`, "grant_type is not refresh_token, jwt_bearer or client_credentials"},
		{"a key with a refresh token", store, `{"org":"prod","client_id":"i","refresh_token":"t","private_key":"test-private-key"}`, "a refresh_token grant has no private_key"},
		{"an audience with a refresh token", store, `{"org":"prod","client_id":"i","refresh_token":"t","audience":"https://a"}`, "a refresh_token grant has no audience"},
		{"an auth URL with a key", store, `{"org":"prod","sfdx_auth_url":"force://a:b:c@d","key_id":"k"}`, "a refresh_token grant has no key_id"},
		{"JWT without a user", store, `{"org":"prod","grant_type":"jwt_bearer","client_id":"i","private_key":"test-private-key"}`, "username is missing"},
		{"JWT without a client", store, `{"org":"prod","grant_type":"jwt_bearer","username":"u","private_key":"test-private-key"}`, "client_id is missing"},
		{"JWT without a key", store, `{"org":"prod","grant_type":"jwt_bearer","client_id":"i","username":"u"}`, "exactly one of private_key and private_key_file"},
		{"JWT with two keys", store, `{"org":"prod","grant_type":"jwt_bearer","client_id":"i","username":"u","private_key":"test-private-key","private_key_file":"/k"}`, "exactly one of private_key and private_key_file"},
		{"JWT with a key in the caller's folder", store, `{"org":"prod","grant_type":"jwt_bearer","client_id":"i","username":"u","private_key_file":"test-key.pem"}`, "not an absolute path"},
		{"JWT with a name for a terminal", store, `{"org":"prod","grant_type":"jwt_bearer","client_id":"i","username":"u","private_key":"k","key_id":"\u001b[2J"}`, "control characters"},
		{"JWT with a refresh token", store, `{"org":"prod","grant_type":"jwt_bearer","client_id":"i","username":"u","private_key":"k","refresh_token":"test-refresh-token"}`, "a jwt_bearer grant has no refresh_token"},
		{"JWT with an auth URL", store, `{"org":"prod","grant_type":"jwt_bearer","client_id":"i","username":"u","private_key":"k","sfdx_auth_url":"force://a:b:c@d"}`, "a jwt_bearer grant has no sfdx_auth_url"},
		{"client credentials without a secret", store, `{"org":"prod","grant_type":"client_credentials","client_id":"i"}`, "client_secret is missing"},
		{"client credentials without a client", store, `{"org":"prod","grant_type":"client_credentials","client_secret":"test-client-secret"}`, "client_id is missing"},
		{"client credentials with a refresh token", store, `{"org":"prod","grant_type":"client_credentials","client_id":"i","client_secret":"s","refresh_token":"test-refresh-token"}`, "a client_credentials grant has no refresh_token"},
		{"client credentials with a key", store, `{"org":"prod","grant_type":"client_credentials","client_id":"i","client_secret":"s","private_key_file":"/k"}`, "a client_credentials grant has no private_key_file"},
		{"long session", store, `{"org":"prod","client_id":"i","refresh_token":"t","session_timeout":604801}`, "session_timeout is not between"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.decode(strings.NewReader(tt.in))
			e := (*Error)(nil)
			if !errors.As(err, &e) || e.Code != BadRequest || !strings.Contains(e.Message, tt.want) {
				t.Fatalf("got %v, want a bad_request with %q", err, tt.want)
			}
			if strings.Contains(fmt.Sprint(e.Message, e.Remedy), "test-") {
				t.Error("the error quotes the request")
			}
		})
	}
}

func TestDecodeStoreOf(t *testing.T) {
	t.Parallel()
	const authURL = "force://PlatformCLI::test-refresh-token@acme.my.salesforce.com"
	for name, in := range map[string]string{
		"the auth URL's own command": `{"status":0,"result":{"sfdxAuthUrl":"` + authURL + `"},"warnings":[]}`,
		"org display":                `{"status":0,"result":{"id":"00D","accessToken":"[REDACTED]","username":"me@acme.com","sfdxAuthUrl":"` + authURL + `","alias":"ob"},"warnings":[]}`,
		"a file":                     `{"sfdxAuthUrl":"` + authURL + `"}`,
		"a request":                  `{"sfdx_auth_url":"` + authURL + `"}`,
	} {
		req, err := DecodeStore(strings.NewReader(in), "prod")
		if err != nil || req.Org != "prod" || req.SFDXAuthURL.Reveal() != authURL {
			t.Errorf("%s: org %q, %v", name, req.Org, err)
		}
		if name == "org display" && req.Username != "me@acme.com" {
			t.Errorf("the username is %q", req.Username)
		}
	}
	if req, err := DecodeStore(strings.NewReader(`{"org":"dev","client_id":"i","refresh_token":"test-refresh-token"}`), "prod"); err != nil || req.Org != "dev" {
		t.Errorf("a request that names its org: %q, %v", req.Org, err)
	}
}

// FuzzDecodeGet checks that an accepted request is accepted from its own encoding too, as
// the same request. A refused input gives no value.
func FuzzDecodeGet(f *testing.F) {
	f.Add([]byte(`{"version":1,"org":"prod","min_ttl":300,"rejected_token":"t"}`))
	f.Fuzz(func(t *testing.T, in []byte) { checkRoundTrip(t, in, DecodeGet) })
}

// FuzzDecodeStore does what FuzzDecodeGet does.
func FuzzDecodeStore(f *testing.F) {
	f.Add([]byte(`{"org":"prod","login_url":"https://a","site":"/s","client_id":"i","client_secret":"s","refresh_token":"t","session_timeout":7200,"allow_host":true}`))
	f.Add([]byte(`{"org":"prod","grant_type":"jwt_bearer","client_id":"i","username":"u","private_key":"k","key_id":"1","audience":"https://a"}`))
	f.Add([]byte(`{"org":"prod","grant_type":"client_credentials","client_id":"i","client_secret":"s"}`))
	f.Add([]byte(`{"org":"prod","sfdx_auth_url":"force://id:secret:token@host","username":"me@acme.com"}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		checkRoundTrip(t, in, func(r io.Reader) (StoreRequest, error) { return DecodeStore(r, "prod") })
	})
}

// FuzzDecodeErase does what FuzzDecodeGet does.
func FuzzDecodeErase(f *testing.F) {
	f.Add([]byte(`{"org":"prod","rejected_token":"t"}`))
	f.Fuzz(func(t *testing.T, in []byte) { checkRoundTrip(t, in, DecodeErase) })
}

// FuzzDecodeCredential does what FuzzDecodeGet does.
func FuzzDecodeCredential(f *testing.F) {
	f.Add([]byte(`{"version":1,"org":"prod","access_token":"t","token_type":"Bearer","instance_url":"https://a","expires_at":"2026-11-24T10:00:00Z","expires_source":"jwt"}`))
	f.Fuzz(func(t *testing.T, in []byte) { checkRoundTrip(t, in, DecodeCredential) })
}

func checkRoundTrip[T interface{ Encode(io.Writer) error }](t *testing.T, in []byte, decode func(io.Reader) (T, error)) {
	var zero T
	got, err := decode(bytes.NewReader(in))
	if err != nil {
		if diff := cmp.Diff(zero, got); diff != "" {
			t.Fatalf("an error came with a value:\n%s", diff)
		}
		return
	}
	var b bytes.Buffer
	if err := got.Encode(&b); err != nil {
		t.Fatal(err)
	}
	again, err := decode(&b)
	if err != nil {
		t.Fatalf("its own encoding is refused: %v", err)
	}
	if diff := cmp.Diff(got, again); diff != "" {
		t.Error(diff)
	}
}
