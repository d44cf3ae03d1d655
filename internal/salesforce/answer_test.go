package salesforce

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"forcecred/internal/hints"
	"forcecred/internal/salesforce/transport"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"

	"github.com/google/go-cmp/cmp"
)

// decodeRefresh decodes the answer to a refresh.
func decodeRefresh(resp transport.Response, g RefreshGrant) (Answer, error) {
	return decodeAnswer(resp, g.Host, g.ClientSecret, g.RefreshToken)
}

func testGrant(t *testing.T) RefreshGrant {
	t.Helper()
	host, err := ParseHost(DefaultLoginURL, "", false)
	if err != nil {
		t.Fatal(err)
	}
	return RefreshGrant{host, "test-client-id", secret.New("test-client-secret"), secret.New("test-refresh-token-1")}
}

// whole is an answer with all members, signed with test-client-secret.
const whole = `{"access_token":"00Dxx!test_access_token","refresh_token":"test-refresh-token-2","signature":"IuBE3pc4IKMKI4g4xUal1E8CbvZ/WiNktd/4yxEIv/s=",
"scope":"api refresh_token","id_token":"a.b.c","instance_url":"https://acme.my.salesforce.com/","id":"https://login.salesforce.com/id/00D000000000001AAA/005000000000001AAA",
"token_type":"Bearer","issued_at":"1708058728442","sfdc_community_url":"https://acme.my.site.com/p","sfdc_community_id":"0DB","token_format":"opaque",
"api_instance_url":"https://api.salesforce.com","lightning_sid":"test-cookie","expires_in":"7200"}`

func TestDecodeAnswer(t *testing.T) {
	t.Parallel()
	header := http.Header{"Date": {"Tue, 24 Nov 2026 10:00:00 GMT"}}
	got, err := decodeRefresh(transport.Response{Status: 200, Header: header, Body: []byte(whole)}, testGrant(t))
	if err != nil {
		t.Fatal(err)
	}
	want := Answer{
		Token: token.Token{
			AccessToken: secret.New("00Dxx!test_access_token"), TokenType: "Bearer", InstanceURL: "https://acme.my.salesforce.com",
			ID: "https://login.salesforce.com/id/00D000000000001AAA/005000000000001AAA", IssuedAt: "1708058728442",
			Signature: "IuBE3pc4IKMKI4g4xUal1E8CbvZ/WiNktd/4yxEIv/s=", Scope: "api refresh_token", IDToken: secret.New("a.b.c"),
			SiteURL: "https://acme.my.site.com/p", SiteID: "0DB", TokenFormat: "opaque", APIInstanceURL: "https://api.salesforce.com",
		},
		RefreshToken: secret.New("test-refresh-token-2"),
		Date:         time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Host{})); diff != "" {
		t.Error(diff)
	}
	if orgID, userID := Identity(got.ID); orgID != "00D000000000001AAA" || userID != "005000000000001AAA" {
		t.Errorf("identity: %q %q", orgID, userID)
	}
}

func TestDecodeAnswerRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, old, new string
		want           Reason
	}{
		{"no access token", `"access_token":"00Dxx!test_access_token",`, ``, Garbled},
		{"token with a newline", `00Dxx!test`, `00Dxx!\n`, Garbled},
		{"token with a terminal's escape", `00Dxx!test`, `00Dxx!\u001b[2J`, Garbled},
		{"a number as access token", `"00Dxx!test_access_token"`, `7`, Garbled},
		{"a number as place", `"https://api.salesforce.com"`, `7`, Garbled},
		{"a list as token type", `"Bearer"`, `["Bearer"]`, Garbled},
		{"the refresh token as access token", `00Dxx!test_access_token`, `test-refresh-token-1`, Garbled},
		{"the client secret as access token", `00Dxx!test_access_token`, `test-client-secret`, Garbled},
		{"another token type", `"Bearer"`, `"MAC"`, Garbled},
		{"control character in id, which is signed", `/id/00D`, `/id/\u0007`, Refused},
		{"another issued_at, as a number", `"1708058728442"`, `1708058728443`, Refused},
		{"duplicate member", `"scope"`, `"access_token":"00Dxx!other","scope"`, Garbled},
		{"broken UTF-8", `api refresh`, "api\xff", Garbled},
		{"cut", `"expires_in":"7200"}`, ``, Garbled},
		{"http instance", `https://acme.my.salesforce.com/`, `http://acme.my.salesforce.com`, Refused},
		{"foreign instance", `https://acme.my.salesforce.com/`, `https://evil.example`, Refused},
		{"instance with user", `https://acme`, `https://user@acme`, Refused},
		{"no instance", `"instance_url":"https://acme.my.salesforce.com/",`, ``, Refused},
		{"foreign API host", `https://api.salesforce.com`, `https://evil.example`, Refused},
		{"tampered id", `/id/00D0`, `/id/00D9`, Refused},
		{"tampered signature", `IuBE`, `AAAA`, Refused},
		{"signature that is no base64", `IuBE`, `....`, Refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			body := strings.Replace(whole, tt.old, tt.new, 1)
			if body == whole {
				t.Fatal("the row does not change the answer")
			}
			resp := transport.Response{Status: 200, Header: http.Header{}, Body: []byte(body)}
			_, err := decodeRefresh(resp, testGrant(t))
			e := (*Error)(nil)
			if !errors.As(err, &e) || e.Reason != tt.want {
				t.Fatalf("got %v, want %s", err, tt.want)
			}
			if text := e.Error() + hints.Text(e.Remedy); strings.Contains(text, "test") || strings.Contains(text, "\x1b") {
				t.Error("the error quotes the answer")
			}
			if recoverRefreshToken(resp.Status, resp.Body, len(body)).Reveal() != "test-refresh-token-2" {
				t.Error("the rotated refresh token is lost")
			}
		})
	}
}

// TestPassedOn: a member that forcecred does not use never invalidates an answer.
func TestPassedOn(t *testing.T) {
	t.Parallel()
	const unsigned = `"signature":"IuBE3pc4IKMKI4g4xUal1E8CbvZ/WiNktd/4yxEIv/s=",`
	for _, tt := range []struct {
		name     string
		replaced []string // old, new, …
		status   int
		got      func(Answer) string
		want     string
	}{
		{"issued_at as a number, which is signed", []string{`"1708058728442"`, `1708058728442`}, 200, func(a Answer) string { return a.IssuedAt }, "1708058728442"},
		{"issued_at with a fraction", []string{unsigned, "", `"1708058728442"`, `1.708e12`}, 200, func(a Answer) string { return a.IssuedAt }, "1.708e12"},
		{"issued_at as an object", []string{unsigned, "", `"1708058728442"`, `{}`}, 200, func(a Answer) string { return a.IssuedAt }, ""},
		{"scope as a list", []string{`"api refresh_token"`, `["api","refresh_token"]`}, 200, func(a Answer) string { return a.Scope }, "api refresh_token"},
		{"scope as a mixed list", []string{`"api refresh_token"`, `["api",7]`}, 200, func(a Answer) string { return a.Scope }, ""},
		{"scope with spaces around", []string{`"api refresh_token"`, `" api  refresh_token "`}, 200, func(a Answer) string { return a.Scope }, "api refresh_token"},
		{"scope with a tab", []string{`"api refresh_token"`, `"api\trefresh_token"`}, 200, func(a Answer) string { return a.Scope }, ""},
		{"scope as null", []string{`"api refresh_token"`, `null`}, 200, func(a Answer) string { return a.Scope }, ""},
		{"id with a control character", []string{unsigned, "", `/id/00D`, `/id/\u0007`}, 200, func(a Answer) string { return a.ID }, ""},
		{"id as a number", []string{unsigned, "", `"https://login.salesforce.com/id/00D000000000001AAA/005000000000001AAA"`, `7`}, 200, func(a Answer) string { return a.ID }, "7"},
		{"id_token as an object", []string{`"a.b.c"`, `{}`}, 200, func(a Answer) string { return a.IDToken.Reveal() }, ""},
		{"id_token with a line end", []string{`"a.b.c"`, `"a.b.c\n"`}, 200, func(a Answer) string { return a.IDToken.Reveal() }, ""},
		{"signature as a list", []string{`"IuBE3pc4IKMKI4g4xUal1E8CbvZ/WiNktd/4yxEIv/s="`, `{}`}, 200, func(a Answer) string { return a.Signature }, ""},
		{"site beyond ASCII", []string{`acme.my.site.com/p`, `acme.my.site.com/ä`}, 200, func(a Answer) string { return a.SiteURL }, ""},
		{"token_format as true", []string{`"opaque"`, `true`}, 200, func(a Answer) string { return a.TokenFormat }, ""},
		{"status 201", nil, 201, func(a Answer) string { return a.IssuedAt }, "1708058728442"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			body := whole
			for i := 0; i < len(tt.replaced); i += 2 {
				if !strings.Contains(body, tt.replaced[i]) {
					t.Fatalf("the answer does not have %q", tt.replaced[i])
				}
				body = strings.Replace(body, tt.replaced[i], tt.replaced[i+1], 1)
			}
			got, err := decodeRefresh(transport.Response{Status: tt.status, Header: http.Header{}, Body: []byte(body)}, testGrant(t))
			if err != nil {
				t.Fatal(err)
			}
			if tt.got(got) != tt.want {
				t.Errorf("got %q, want %q", tt.got(got), tt.want)
			}
			if got.AccessToken.Reveal() != "00Dxx!test_access_token" || got.RefreshToken.Reveal() != "test-refresh-token-2" {
				t.Error("a token is lost")
			}
		})
	}
}

// recoverRefreshToken scans an answer that arrives in pieces.
func recoverRefreshToken(status int, body []byte, piece int) secret.Text {
	var scanner refreshTokenScanner
	for part := range slices.Chunk(body, max(piece, 1)) {
		if _, err := scanner.Write(part); err != nil {
			break
		}
	}
	return scanner.recovered(status)
}

func TestRecoverRefreshToken(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3<<20)
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"cut after it", 200, `{"refresh_token":"test-refresh-token-2","acc`, "test-refresh-token-2"},
		{"cut within it", 200, `{"refresh_token":"test-refresh-tok`, ""},
		{"escaped", 200, `{"refresh_token" : "test\u002dtoken\/2"`, "test-token/2"},
		{"after a byte order mark", 200, "\ufeff{\"refresh_token\":\"test-refresh-token-2\"}", "test-refresh-token-2"},
		{"before garbage", 200, `{"refresh_token":"test-refresh-token-2"}}}`, "test-refresh-token-2"},
		{"another object's", 200, `{"echo":{"refresh_token":"test-refresh-token-9"},"error":"x"}`, ""},
		{"another object's, then the answer's own", 200, `{"echo":{"refresh_token":"test-refresh-token-9"},"refresh_token":"test-refresh-token-2","x`, "test-refresh-token-2"},
		{"in a list", 200, `[{"refresh_token":"test-refresh-token-9"}]`, ""},
		{"in a page", 200, `<script>{"refresh_token":"test-refresh-token-9"}</script>`, ""},
		{"broken UTF-8", 200, "{\"refresh_token\":\"test\xff\"}", ""},
		{"no text", 200, `{"refresh_token":7}`, ""},
		{"none", 200, `{"access_token":"t"}`, ""},
		{"empty", 200, `{"refresh_token":""}`, ""},
		{"with another status of success", 201, `{"refresh_token":"test-refresh-token-2","acc`, "test-refresh-token-2"},
		{"an echo in an error", 400, `{"error":"x","refresh_token":"test-refresh-token-1"}`, ""},
		{"HTML", 200, `<html>`, ""},
		{"after a long text", 200, `{"scope":"` + long + `","refresh_token":"test-refresh-token-2","x`, "test-refresh-token-2"},
		{"after a long name", 200, `{"` + long + `":"","refresh_token":"test-refresh-token-2","x`, "test-refresh-token-2"},
		{"too long itself", 200, `{"refresh_token":"` + long + `","access_token":"t"}`, ""},
		{"after values of each kind", 200, `{"a":-1.5E+3 ,"b":true,"c":null, "d":[{"x":"}]"},[]] , "e":{"f":"\\"},"refresh_token":"test-refresh-token-2"}`, "test-refresh-token-2"},
		{"in a text", 200, `{"scope":"a\",\"refresh_token\":\"test-refresh-token-9","x":1}`, ""},
		{"after a text without an end", 200, "{\"scope\":\"a\n,\"refresh_token\":\"test-refresh-token-9\"}", ""},
		{"of a member with a similar name", 200, `{"Refresh_Token":"test-refresh-token-9"}`, ""},
		{"of a member with an escaped name", 200, `{"refresh\u005ftoken":"test-refresh-token-2"}`, "test-refresh-token-2"},
		{"after the object", 200, `{"a":1},"refresh_token":"test-refresh-token-9"}`, ""},
		{"twice", 200, `{"refresh_token":"test-refresh-token-2","refresh_token":"test-refresh-token-9"}`, "test-refresh-token-2"},
	} {
		for _, piece := range []int{1, 1000, len(tt.body)} {
			if got := recoverRefreshToken(tt.status, []byte(tt.body), piece); got.Reveal() != tt.want {
				t.Errorf("%s, in pieces of %d: found a token: %v", tt.name, piece, !got.Empty())
			}
		}
	}
}
