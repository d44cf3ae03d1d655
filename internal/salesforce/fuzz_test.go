package salesforce

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"forcecred/internal/hints"
	"forcecred/internal/salesforce/credentials"
	"forcecred/internal/salesforce/transport"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"
)

// checkError checks that an error has a reason and a hint, is one short line, and has no
// secret of the request.
func checkError(t *testing.T, err error, secrets ...secret.Text) {
	t.Helper()
	e := (*Error)(nil)
	if !errors.As(err, &e) {
		t.Fatalf("the error is no *Error: %v", err)
	}
	if e.Reason == "" || hints.Text(e.Remedy) == "" {
		t.Errorf("reason %q, hint %q", e.Reason, hints.Text(e.Remedy))
	}
	for _, text := range []string{e.Code, e.Description, e.Error()} {
		for _, s := range secrets {
			if echoes(text, s.Reveal()) {
				t.Error("the error has a secret of the request")
			}
		}
		if i := slices.IndexFunc([]rune(text), func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("the error has a character that is not printable: %q", text)
		}
		if len([]rune(text)) > 3*maxDescription {
			t.Errorf("the error has %d characters", len([]rune(text)))
		}
	}
}

// jsonStrings matches each possible JSON string.
var jsonStrings = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// FuzzDecodeAnswer: an accepted answer is safe in a header, a shell and a terminal. A
// recovered refresh token is in the answer. No error has a secret.
func FuzzDecodeAnswer(f *testing.F) {
	f.Add(200, []byte(whole))
	f.Add(200, []byte(whole)[:len(whole)/2])
	f.Add(200, []byte(`{"access_token":"00Dxx!test","instance_url":"HTTPS://ACME.my.site.com:443/","api_instance_url":"https://API.salesforce.com/","sfdc_site_url":"https://acme.my.s%C4%B0te.com/p"}`))
	f.Add(200, []byte("\ufeff"+`{"a":{"refresh_token":"test-refresh-token-9"},"refresh_token":"test\u002drefresh\/token"`))
	f.Add(400, []byte(`{"error":"invalid_grant","error_description":"test-refresh-token-1"}`))
	f.Add(503, []byte(`<html>`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		grant := testGrant(t)
		resp := transport.Response{Status: status, Header: http.Header{}, Body: body}
		a, err := decodeRefresh(resp, grant)
		if err != nil {
			checkError(t, err, grant.ClientSecret, grant.RefreshToken)
		} else {
			checkAnswer(t, a, grant)
		}
		if token := recoverRefreshToken(status, body, 1+len(body)/2).Reveal(); token != "" {
			isInBody := slices.ContainsFunc(jsonStrings.FindAll(body, -1), func(text []byte) bool {
				var s string
				return json.Unmarshal(text, &s) == nil && s == token
			})
			if !isSuccess(status) || !isInBody || !utf8.ValidString(token) {
				t.Error("a refresh token was recovered that the answer does not have")
			}
			if err == nil && token != a.RefreshToken.Reveal() {
				t.Error("the recovered refresh token is not that of the accepted answer")
			}
		}
	})
}

func checkAnswer(t *testing.T, a Answer, grant RefreshGrant) {
	t.Helper()
	if a.AccessToken.Empty() || a.AccessToken.Equal(grant.RefreshToken) || a.AccessToken.Equal(grant.ClientSecret) {
		t.Error("the access token is missing, or a secret of the request")
	}
	plain := token.Reveal(a.Token)
	for name, text := range token.Members(&plain) {
		if name != "scope" && !credentials.IsVisible(*text) {
			t.Errorf("%s has space, control characters or characters beyond ASCII: %q", name, *text)
		}
	}
	for _, c := range []byte(a.Scope) {
		if c != ' ' && !credentials.IsVisible(string(c)) {
			t.Errorf("the scope is %q", a.Scope)
		}
	}
	for name, place := range map[string]string{"instance_url": a.InstanceURL, "api_instance_url": a.APIInstanceURL} {
		if normal, err := grant.Host.InstanceURL(place); (err != nil || normal != place) && (place != "" || name == "instance_url") {
			t.Errorf("%s: %q, which is %q: %v", name, place, normal, err)
		}
	}
	if a.SiteURL != "" && !grant.Host.mayVisit(a.SiteURL) {
		t.Errorf("sfdc_site_url: %q", a.SiteURL)
	}
	if strings.ContainsAny(a.ID, `:/\`) && !grant.Host.mayVisit(a.ID) {
		t.Errorf("id: %q", a.ID)
	}
}

// FuzzDecodeIntrospection: the times of an accepted answer can be compared and stored.
func FuzzDecodeIntrospection(f *testing.F) {
	f.Add(200, []byte(`{"active":true,"scope":"api","client_id":"test-client-id","username":"test-user@example.com","exp":1708060528,"iat":1708058728,"nbf":1708058728}`))
	f.Add(200, []byte(`{"active":false}`))
	f.Add(200, []byte(`{"active":true,"exp":9223372036854775807}`))
	f.Add(200, []byte(`{"active":true,"exp":1708060528,"iat":9223372036854775807}`))
	f.Add(200, []byte(`{"active":true,"exp":-1}`))
	f.Add(401, []byte(`{"error":"invalid_client","error_description":"test-client-secret"}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		clientSecret, token := secret.New("test-client-secret"), secret.New("00Dxx!test_access_token")
		in, err := decodeIntrospection(transport.Response{Status: status, Header: http.Header{}, Body: body}, clientSecret, token)
		if err != nil {
			checkError(t, err, clientSecret, token)
			if in != (Introspection{}) {
				t.Error("the result is set with an error")
			}
			return
		}
		if in.Active && in.ExpiresAt.IsZero() {
			t.Error("an active token has no expiry")
		}
		for _, at := range []time.Time{in.IssuedAt, in.ExpiresAt} {
			if _, err := at.MarshalJSON(); err != nil || !at.IsZero() && at.Unix() <= 0 {
				t.Errorf("%v: %v", at, err)
			}
		}
	})
}

// FuzzErrorAnswer: for any error and any echo of the request, the shown text has no secret
// of the request, and the same error always has the same class.
func FuzzErrorAnswer(f *testing.F) {
	names := slices.Sorted(maps.Keys(encodings))
	for i := range names {
		f.Add(400, "invalid_grant", "no grant for ", ", sorry", uint8(i))
	}
	f.Add(401, "INVALID_CLIENT", "invalid client credentials", "", uint8(0))
	f.Add(503, "\x1b[2J", "%25", "\\", uint8(1))
	f.Fuzz(func(t *testing.T, status int, code, before, after string, encoding uint8) {
		if code == "" {
			return // no OAuth error: FuzzDecodeAnswer has those
		}
		grant := testGrant(t)
		grant.RefreshToken, grant.ClientSecret = awkwardToken, awkwardSecret
		echo := encodings[names[int(encoding)%len(names)]](awkwardToken.Reveal())
		first := (*Error)(nil)
		for _, body := range errorBodies(t, code, before+echo+after) {
			resp := transport.Response{Status: status, Header: http.Header{}, Body: body}
			_, err := decodeRefresh(resp, grant)
			checkError(t, err, awkwardSecret, awkwardToken)
			if !recoverRefreshToken(status, body, len(body)).Empty() {
				t.Error("a refresh token was recovered from a refusal")
			}
			// Each format has the same class, each time.
			_, again := decodeRefresh(resp, grant)
			for _, err := range []error{err, again} {
				e := (*Error)(nil)
				if !errors.As(err, &e) {
					continue
				}
				if first == nil {
					first = e
				}
				if *first != *e {
					t.Errorf("one answer is classified as %v, then as %v", first, e)
				}
			}
		}
	})
}
