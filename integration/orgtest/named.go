package orgtest

import (
	"bytes"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// FaultNamed returns the fault that scripts call by this name: a row of [Errors]
// or one of the faults below HTTP, above it, within an answer.
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
	// The org notes a problem when a client follows.
	return Fault{Status: status, Body: []byte{}, Header: http.Header{"Location": {"/redirected"}}}
}

// echo refuses with a description of the request.
func echo(describe func(url.Values) string) Reply {
	return func(form url.Values) (int, []byte) {
		return http.StatusBadRequest, Error{Code: "invalid_grant", Description: "no grant for " + describe(form)}.answer().encode()
	}
}

var faults = map[string]Fault{
	// Not from Salesforce's OAuth at all.
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

	// Too much of it.
	"oversize":           {Pad: 1 << 20},
	"endless":            {Pad: 1 << 40},
	"gzip-bomb":          {Pad: 1 << 28, Gzip: true},
	"huge-refresh-token": {Fields: map[string]any{"refresh_token": "5Aep861.test-refresh-token-huge-" + strings.Repeat("x", 64<<10)}},

	// The request's secrets, in what is said of it.
	"echo":      {Reply: echo(func(form url.Values) string { return form.Get("refresh_token") + " " + form.Get("client_secret") })},
	"echo-form": {Reply: echo(url.Values.Encode)},
	"echo-html": {Reply: echo(func(form url.Values) string { return template.HTMLEscapeString(form.Encode()) })},
	"echo-json": {Reply: echo(func(form url.Values) string { return string(encodeJSON(form)) })},
	"echo-cut":  {Reply: echo(func(form url.Values) string { return form.Get("refresh_token")[:20] })},
	"echo-page": {Reply: func(form url.Values) (int, []byte) {
		return 403, []byte("<html><body>blocked: " + form.Encode() + "</body></html>")
	}, Header: html},

	// Wrong within.
	"wrong-signature":      {Fields: map[string]any{"signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}},
	"no-signature":         {Fields: map[string]any{"signature": nil}},
	"no-access-token":      {Fields: map[string]any{"access_token": nil}},
	"no-instance-url":      {Fields: map[string]any{"instance_url": nil}},
	"http-instance-url":    {Fields: map[string]any{"instance_url": "http://evil.example"}},
	"foreign-instance-url": {Fields: map[string]any{"instance_url": "https://evil.example"}},
	"control-characters":   {Fields: map[string]any{"access_token": "00D000000000001!test_access_token_\x1b[31m\r\nX-Evil: 1"}},
	"mac-token-type":       {Fields: map[string]any{"token_type": "mac"}},
	"number-issued-at":     {Fields: map[string]any{"issued_at": 1795514400000}},
	"expires-in":           {Fields: map[string]any{"expires_in": 7200}},
	"unknown-fields":       {Fields: map[string]any{"lightning_sid": "test-lightning-sid", "nested": map[string]any{"a": []int{1}}}},
	"duplicate-access-token": {Rewrite: func(b []byte) []byte {
		return append([]byte(`{"access_token":"00D000000000001!test_access_token_twice",`), bytes.TrimPrefix(b, []byte("{"))...)
	}},
	"invalid-utf8":     {Rewrite: func(b []byte) []byte { return bytes.Replace(b, []byte("test_access_token"), []byte("test\xff\xfe"), 1) }},
	"trailing-garbage": {Rewrite: func(b []byte) []byte { return append(bytes.Clone(b), "{}"...) }},
	"byte-order-mark":  {Rewrite: func(b []byte) []byte { return append([]byte("\ufeff"), b...) }},
}
