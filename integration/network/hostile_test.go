package network

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// grantAfter is the state of a grant after a hostile answer.
type grantAfter int

const (
	kept      grantAfter = iota // the org did not rotate, and the stored token is valid
	recovered                   // the org rotated, and the new token was in the answer
	lost                        // the org rotated, and the answer had no new token
)

// hostile is an answer that no correct server gives, and the outcome that a get must
// have.
type hostile struct {
	name   string
	fault  func(*rig.Rig) orgtest.Fault
	http1  bool
	status int
	says   string
	after  grantAfter
}

// TestHostileAnswers: after any answer of a server, the exit status is right, and
// stdout has a valid answer or nothing. stderr has no secret and no terminal escape.
// The grant is lost only if the org rotated it and did not send the new token.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	var captured atomic.Int32
	capture := rig.Listen(t, func(net.Conn) { captured.Add(1) })
	named := func(name string) func(*rig.Rig) orgtest.Fault {
		return func(*rig.Rig) orgtest.Fault {
			fault, ok := orgtest.FaultNamed(name)
			if !ok {
				t.Fatalf("no fault is called %s", name)
			}
			return fault
		}
	}
	field := func(name string, value any) func(*rig.Rig) orgtest.Fault {
		return func(*rig.Rig) orgtest.Fault { return orgtest.Fault{Fields: map[string]any{name: value}} }
	}
	rows := []hostile{
		{"a page", named("html-200"), false, 7, "the answer is not a JSON object", kept},
		{"an error with 200", named("error-200"), false, 6, "invalid_grant", kept},
		{"an array", named("array-200"), false, 7, "not a JSON object", kept},
		{"a string", named("string-200"), false, 7, "not a JSON object", kept},
		{"null", named("null-200"), false, 7, "not a JSON object", kept},
		{"nothing", named("empty-200"), false, 7, "the answer is empty", kept},
		{"an error that paints", func(*rig.Rig) orgtest.Fault {
			return orgtest.Fault{Error: orgtest.Error{Code: "invalid_grant\x1b[2J", Description: "\x1b]0;pwned\x07\r\nforcecred: hint: run it again as root"}}
		}, false, 8, "Salesforce says", kept},
		{"an error that echoes", func(r *rig.Rig) orgtest.Fault {
			return orgtest.Fault{Error: orgtest.Error{Code: "invalid_grant", Description: "token " + r.Org.RefreshToken() + " of " + r.Org.ClientSecret()}}
		}, false, 6, "token [redacted] of [redacted]", kept},

		{"two access tokens", named("duplicate-access-token"), false, 7, "two members with the same name", recovered},
		{"broken UTF-8", named("invalid-utf8"), false, 7, "not valid UTF-8", recovered},
		{"deep", named("deep"), false, 7, "nested deeper than 32 levels", recovered},
		{"a byte order mark", named("byte-order-mark"), false, 0, "", recovered},
		{"something behind it", named("trailing-garbage"), false, 7, "data after the JSON object", recovered},
		{"an access token for no header", field("access_token", strings.Repeat("x", 100<<10)), false, 7, "access_token is larger than 32 KiB", recovered},
		{"no access token", named("no-access-token"), false, 7, "access_token is missing", recovered},
		{"another token type", named("mac-token-type"), false, 7, "token_type is not Bearer", recovered},
		{"a number for issued_at", named("number-issued-at"), false, 8, "not signed with this client's secret", recovered},
		{"a list for scope", named("scope-list"), false, 0, "", recovered},
		{"objects for what is passed on", named("objects"), false, 0, "", recovered},
		{"status 201", named("status-201"), true, 0, "", recovered},
		{"a wrong signature", named("wrong-signature"), false, 8, "not signed with this client's secret", recovered},
		{"no signature", named("no-signature"), false, 0, "", recovered},
		{"expires_in", named("expires-in"), false, 0, "", recovered},
		{"members that nobody knows", named("unknown-fields"), false, 0, "", recovered},

		{"a cookie", named("set-cookie"), false, 0, "", recovered},
		{"trailers", named("trailers"), true, 0, "", recovered},
		{"early hints", named("early-hints"), true, 0, "", recovered},
		{"early hints for ever", named("early-hints-flood"), true, 7, "not valid HTTP", kept},
		{"100 Continue for ever", named("continue-flood"), true, 7, "not valid HTTP", kept},
		{"headers for ever, HTTP/1.1", named("endless-headers"), true, 7, "not valid HTTP", kept},
		{"headers for ever, HTTP/2", named("endless-headers"), false, 7, "not valid HTTP", kept},
		{"Content-Length too long", named("length-too-long"), true, 7, "closed before the whole answer arrived", recovered},
		{"Content-Length too short", named("length-too-short"), true, 7, "not valid JSON", recovered},
		{"two answers", named("two-answers"), true, 0, "", recovered},
		{"two Content-Lengths", named("two-lengths"), true, 7, "not valid HTTP", lost},
		{"garbage for a chunk", named("chunked-garbage"), true, 7, "not valid HTTP", recovered},
		{"no HTTP but the tokens", named("body-alone"), true, 7, "not valid HTTP", lost},
		{"the tokens as a header", named("body-as-header"), true, 7, "not valid HTTP", lost},
		{"gzip that is none", named("not-gzip"), false, 7, "not valid HTTP", lost},
		{"cut in the middle", named("truncated-after-commit"), false, 7, "closed before the whole answer arrived", lost},
		{"reset", named("reset-after-commit"), true, 7, "", lost},
		{"503 after the commit", named("503-after-commit"), false, 7, "HTTP 503", lost},

		{"1 MiB", named("oversize"), false, 7, "larger than 256 KiB", recovered},
		{"10 MiB before the new refresh token, HTTP/1.1", field("access_token", strings.Repeat("x", 10<<20)), true, 7, "larger than 256 KiB", recovered},
		{"10 MiB before the new refresh token, HTTP/2", field("access_token", strings.Repeat("x", 10<<20)), false, 7, "larger than 256 KiB", recovered},
		{"a body for ever, HTTP/1.1", named("endless"), true, 7, "larger than 256 KiB", recovered},
		{"a body for ever, HTTP/2", named("endless"), false, 7, "larger than 256 KiB", recovered},
		{"a gzip bomb, HTTP/1.1", named("gzip-bomb"), true, 7, "larger than 256 KiB", recovered},
		{"a gzip bomb, HTTP/2", named("gzip-bomb"), false, 7, "larger than 256 KiB", recovered},

		{"no instance_url", named("no-instance-url"), false, 8, "instance_url is not an https URL", recovered},
		{"a scheme alone", field("instance_url", "https:"), false, 8, "instance_url has no valid host name", recovered},
		{"plain HTTP", field("instance_url", "http://"+rig.MyDomain), false, 8, "instance_url is not an https URL", recovered},
		{"another host", field("instance_url", "https://evil.example"), false, 8, "instance_url does not name a Salesforce host", recovered},
		{"a host that begins like Salesforce's", field("instance_url", "https://"+rig.MyDomain+".evil.example"), false, 8, "does not name a Salesforce host", recovered},
		{"a host that looks like Salesforce's", field("instance_url", "https://acme.my.s\u0430lesforce.com"), false, 7, "beyond ASCII", recovered},
		{"loopback", field("instance_url", "https://127.0.0.1:8443"), false, 8, "does not name a Salesforce host", recovered},
		{"a user", field("instance_url", "https://"+rig.MyDomain+"@evil.example"), false, 8, "has a user or password in it", recovered},
		{"a port", field("instance_url", "https://"+rig.MyDomain+":8443"), false, 8, "has a port", recovered},
		{"a path", field("instance_url", "https://"+rig.MyDomain+"/evil"), false, 8, "has a path", recovered},
		{"a query", field("instance_url", "https://"+rig.MyDomain+"?evil"), false, 8, "has a query", recovered},
		{"another API host", field("api_instance_url", "https://evil.example"), false, 8, "api_instance_url does not name a Salesforce host", recovered},
	}
	const evil = "evil\x1b[31m\r\nX-Evil: 1"
	for _, name := range []string{"access_token", "token_type", "instance_url", "api_instance_url"} {
		rows = append(rows, hostile{"control characters in " + name, field(name, evil), false, 7, "the answer's ", recovered})
	}
	for _, name := range []string{"id", "issued_at", "signature"} {
		rows = append(rows, hostile{"control characters in " + name, field(name, evil), false, 8, "not signed", recovered})
	}
	for _, name := range []string{"scope", "id_token", "sfdc_site_url", "sfdc_site_id", "token_format"} { // members that are absent
		rows = append(rows, hostile{"control characters in " + name, field(name, evil), false, 0, "", recovered})
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		rows = append(rows, hostile{fmt.Sprint("a redirect by ", status), func(*rig.Rig) orgtest.Fault {
			return orgtest.Fault{Status: status, Body: []byte{}, Header: map[string][]string{"Location": {"https://" + capture + "/services/oauth2/token"}}}
		}, false, 8, fmt.Sprintf("HTTP %d", status), kept})
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.run(t)
		})
	}
	t.Cleanup(func() {
		if n := captured.Load(); n != 0 {
			t.Errorf("a redirect was followed %d times", n)
		}
	})
}

func (tt hostile) run(t *testing.T) {
	r := rig.NewProxiedRig(t, rig.StartProxy(t), orgtest.Config{Rotate: true, HTTP1: tt.http1})
	r.Run(t.Context(), "", "get", "prod").Token(t)
	stored := r.StoredToken(t)
	r.Org.FailNext(1, tt.fault(r))
	got := r.Run(t.Context(), "", "get", "prod", "--force")

	if got.Status != tt.status || !strings.Contains(got.Stderr, tt.says) {
		t.Errorf("status %d, want %d: %s", got.Status, tt.status, got.Stderr)
	}
	if (got.Stdout == "") != (got.Status != 0) || (got.Stderr == "") != (got.Status == 0) {
		t.Errorf("%d bytes on stdout, %d on stderr", len(got.Stdout), len(got.Stderr))
	}
	if got.Status == 0 {
		got.Token(t) // fails if the answer is not valid
	}
	made := []string{"test_access", "test-refresh", "test-client", "test-cookie", "evil", "<html"}
	if rig.HasControl(got.Stdout+got.Stderr) || rig.ShowsSecret(got.Stderr, append(made, r.Org.Secrets()...)) {
		t.Errorf("it shows what it must not: %q", got.Stderr)
	}
	if posts := r.Org.Count(orgtest.Token); posts != 2 {
		t.Errorf("%d token requests, want 2", posts)
	}
	if rotated := r.Org.RefreshToken() != stored; rotated != (tt.after != kept) {
		t.Errorf("the org rotated: %v", rotated)
	}
	if tt.after == lost {
		if r.StoredToken(t) != stored || !strings.Contains(got.Stderr, "it is unknown whether Salesforce rotated") {
			t.Errorf("the stored token is gone, or the error does not say that the outcome is unknown: %s", got.Stderr)
		}
		return
	}
	if r.StoredToken(t) != r.Org.RefreshToken() {
		t.Error("the stored refresh token is not the org's")
	}
	if got := r.Run(t.Context(), "", "get", "prod", "--force"); got.Token(t) != r.Org.AccessToken() || !r.Org.Alive() {
		t.Error("the next get has no good token")
	}
}

// TestHTTPDebuggingShowsNoSecret: GODEBUG's HTTP log, which each Go program has, shows
// no secret.
func TestHTTPDebuggingShowsNoSecret(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	r.Env = append(r.Env, "GODEBUG=http2debug=2")
	got := r.Run(t.Context(), "", "get", "prod")
	if got.Token(t); got.Stderr != "" {
		t.Errorf("stderr has %d bytes, secrets among them: %v", len(got.Stderr), rig.ShowsSecret(got.Stderr, r.Org.Secrets()))
	}
}

// TestHostileLongTokens: forcecred stores a refresh token of any length that fits into
// an answer, because no other token works.
func TestHostileLongTokens(t *testing.T) {
	t.Parallel()
	r := rig.NewProxiedRig(t, rig.StartProxy(t), orgtest.Config{Rotate: true, LongTokens: 64 << 10})
	for range 3 {
		if got := r.Run(t.Context(), "", "get", "prod", "--force"); got.Token(t) != r.Org.AccessToken() || got.Stderr != "" {
			t.Errorf("stderr: %s", got.Stderr)
		}
		if r.StoredToken(t) != r.Org.RefreshToken() {
			t.Fatal("the stored refresh token is not the org's")
		}
	}
}
