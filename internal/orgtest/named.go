package orgtest

import (
	"bytes"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// FaultNamed returns the fault with a name: a row of [Errors], or one of the faults below.
func FaultNamed(name string) (Fault, bool) {
	for _, e := range Errors {
		if e.Name == name {
			return e.Fault(), true
		}
	}
	f, ok := faults[name]
	return f, ok
}

// FaultNames returns all names that [FaultNamed] knows.
func FaultNames() []string {
	names := slices.Collect(maps.Keys(faults))
	for _, e := range Errors {
		names = append(names, e.Name)
	}
	slices.Sort(names)
	return names
}

var html = http.Header{"Content-Type": {"text/html;charset=UTF-8"}}

var maintenance = []byte("<html><head><title>Salesforce - Maintenance</title></head><body>Down for maintenance</body></html>\n")

func redirect(status int) Fault {
	// The org reports a problem if a client follows the redirect.
	return Fault{Status: status, Body: []byte{}, Header: http.Header{"Location": {"/redirected"}}}
}

// echo answers with an error whose description repeats the request.
func echo(describe func(url.Values) string) Reply {
	return func(form url.Values) (int, []byte) {
		return http.StatusBadRequest, Error{Code: "invalid_grant", Description: "no grant for " + describe(form)}.answer().encode()
	}
}

// raw is a fault after processing: the org sends the result of write, instead of an
// answer.
func raw(write func(body string) string) Fault {
	return Fault{Commit: true, End: Raw, Rewrite: func(body []byte) []byte { return []byte(write(string(body))) }}
}

// flood is an answer of endless interim responses.
func flood(status string) Fault {
	return Fault{End: Raw, Rewrite: func([]byte) []byte {
		return bytes.Repeat([]byte("HTTP/1.1 "+status+"\r\nLink: </style.css>; rel=preload\r\n\r\n"), 4096)
	}}
}

// restError is an error in the form of Salesforce's REST API.
func restError(status int, code, message string) Fault {
	return Fault{Status: status, Body: encodeJSON([]map[string]string{{"errorCode": code, "message": message}})}
}

const rawHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

var faults = map[string]Fault{
	// Answers that are not from Salesforce's OAuth endpoints.
	"html-503":               {Status: 503, Body: maintenance, Header: html},
	"html-200":               {Status: 200, Body: maintenance, Header: html},
	"html-404":               {Status: 404, Body: maintenance, Header: html},
	"html-407":               {Status: 407, Body: maintenance, Header: html},
	"empty-200":              {Status: 200, Body: []byte{}},
	"empty-503":              {Status: 503, Body: []byte{}},
	"status-429":             {Status: 429, Body: []byte{}},
	"status-429-retry-after": {Status: 429, Body: []byte{}, Header: http.Header{"Retry-After": {"1"}}},
	"status-500":             {Status: 500, Body: []byte{}},
	"status-503-retry-after": {Status: 503, Body: []byte{}, Header: http.Header{"Retry-After": {"1"}}},
	"request-limit":          restError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
	"unknown-exception":      restError(400, "UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId if you contact support: 1-1 (1)"),
	"array-200":              {Status: 200, Body: []byte(`["access_token"]`)},
	"string-200":             {Status: 200, Body: []byte(`"access_token"`)},
	"null-200":               {Status: 200, Body: []byte(`null`)},
	"error-200":              {Error: Error{Code: "invalid_grant", Description: "expired access/refresh token", Status: 200}},
	"redirect":               redirect(307),
	"redirect-301":           redirect(301),
	"redirect-302":           redirect(302),
	"redirect-308":           redirect(308),

	// The connection.
	"reset":                  {End: Reset},
	"reset-after-commit":     {End: Reset, Commit: true},
	"hang":                   {End: Hang},
	"hang-after-commit":      {End: Hang, Commit: true},
	"truncated":              {End: Truncate, Body: []byte(`{"access_token":"00D000000000001!test_access_token_cut_off"}`)},
	"truncated-after-commit": {End: Truncate, Commit: true},
	"endless-headers":        {End: EndlessHeaders},
	"503-after-commit":       {Status: 503, Body: maintenance, Header: html, Commit: true},
	"slow":                   {Delay: time.Second},

	// HTTP/1.1 itself.
	"length-too-long": raw(func(body string) string {
		return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", rawHead, len(body)+100, body)
	}),
	"length-too-short": raw(func(body string) string {
		return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", rawHead, len(body)-1, body)
	}),
	"status-201": raw(func(body string) string {
		return fmt.Sprintf("HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}),
	"two-answers": raw(func(body string) string {
		return strings.Repeat(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", rawHead, len(body), body), 2)
	}),
	"two-lengths": raw(func(body string) string {
		return fmt.Sprintf("%sContent-Length: %d\r\nContent-Length: 2\r\n\r\n%s", rawHead, len(body), body)
	}),
	"chunked-garbage": raw(func(body string) string {
		return fmt.Sprintf("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\nno-size\r\n", rawHead, len(body), body)
	}),
	"trailers": raw(func(body string) string {
		return fmt.Sprintf("%sTransfer-Encoding: chunked\r\nTrailer: Set-Cookie\r\n\r\n%x\r\n%s\r\n0\r\nSet-Cookie: sid=test-cookie\r\n\r\n", rawHead, len(body), body)
	}),
	"early-hints": raw(func(body string) string {
		return fmt.Sprintf("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n%sContent-Length: %d\r\n\r\n%s", rawHead, len(body), body)
	}),
	"early-hints-flood": flood("103 Early Hints"),
	"continue-flood":    flood("100 Continue"),
	"body-alone":        raw(func(body string) string { return body + "\r\n\r\n" }),
	"body-as-header":    raw(func(body string) string { return rawHead + body + "\r\n\r\n" }),
	"not-gzip":          {Header: http.Header{"Content-Encoding": {"gzip"}}},
	"set-cookie":        {Header: http.Header{"Set-Cookie": {"sid=test-cookie; Path=/; Secure"}}},

	// Answers that are too large.
	"oversize":           {Pad: 1 << 20},
	"endless":            {Pad: 1 << 40},
	"gzip-bomb":          {Pad: 1 << 28, Gzip: true},
	"huge-refresh-token": {Fields: map[string]any{"refresh_token": "5Aep861.test-refresh-token-huge-" + strings.Repeat("x", 64<<10)}},

	// Errors that repeat the request's secrets.
	"echo":      {Reply: echo(func(form url.Values) string { return form.Get("refresh_token") + " " + form.Get("client_secret") })},
	"echo-form": {Reply: echo(url.Values.Encode)},
	"echo-html": {Reply: echo(func(form url.Values) string { return template.HTMLEscapeString(form.Encode()) })},
	"echo-json": {Reply: echo(func(form url.Values) string { return string(encodeJSON(form)) })},
	"echo-cut":  {Reply: echo(func(form url.Values) string { return form.Get("refresh_token")[:20] })},
	"echo-page": {Reply: func(form url.Values) (int, []byte) {
		return 403, []byte("<html><body>blocked: " + form.Encode() + "</body></html>")
	}, Header: html},

	// Answers with wrong content.
	"wrong-signature":      {Fields: map[string]any{"signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}},
	"no-signature":         {Fields: map[string]any{"signature": nil}},
	"no-access-token":      {Fields: map[string]any{"access_token": nil}},
	"no-instance-url":      {Fields: map[string]any{"instance_url": nil}},
	"http-instance-url":    {Fields: map[string]any{"instance_url": "http://evil.example"}},
	"foreign-instance-url": {Fields: map[string]any{"instance_url": "https://evil.example"}},
	"control-characters":   {Fields: map[string]any{"access_token": "00D000000000001!test_access_token_\x1b[31m\r\nX-Evil: 1"}},
	"mac-token-type":       {Fields: map[string]any{"token_type": "mac"}},
	"number-issued-at":     {Fields: map[string]any{"issued_at": 1795514400000}},
	"scope-list":           {Fields: map[string]any{"scope": []string{"api", "refresh_token"}}},
	"objects": {Fields: map[string]any{
		"scope": map[string]any{}, "id_token": map[string]any{}, "sfdc_site_url": map[string]any{}, "sfdc_site_id": true, "token_format": []int{1},
	}},
	"expires-in":     {Fields: map[string]any{"expires_in": 7200}},
	"unknown-fields": {Fields: map[string]any{"lightning_sid": "test-lightning-sid", "nested": map[string]any{"a": []int{1}}}},
	"duplicate-access-token": {Rewrite: func(b []byte) []byte {
		return append([]byte(`{"access_token":"00D000000000001!test_access_token_twice",`), bytes.TrimPrefix(b, []byte("{"))...)
	}},
	"invalid-utf8": {Rewrite: func(b []byte) []byte { return bytes.Replace(b, []byte("test_access_token"), []byte("test\xff\xfe"), 1) }},
	"duplicate-refresh-token": {Rewrite: func(b []byte) []byte {
		return append([]byte(`{"refresh_token":"5Aep861.test-refresh-token-twice",`), bytes.TrimPrefix(b, []byte("{"))...)
	}},
	"deep": {Rewrite: func(b []byte) []byte {
		const levels = 10_000
		return append([]byte(`{"x":`+strings.Repeat("[", levels)+strings.Repeat("]", levels)+","), bytes.TrimPrefix(b, []byte("{"))...)
	}},
	"trailing-garbage": {Rewrite: func(b []byte) []byte { return append(bytes.Clone(b), "{}"...) }},
	"byte-order-mark":  {Rewrite: func(b []byte) []byte { return append([]byte("\ufeff"), b...) }},
}
