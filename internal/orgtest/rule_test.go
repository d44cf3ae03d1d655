package orgtest_test

import (
	"net/http"
	"strings"
	"testing"

	"forcecred/internal/orgtest"
)

func TestProblems(t *testing.T) {
	t.Parallel()
	const token = "/services/oauth2/token"
	good := func(c client) string { return c.refreshForm(c.RefreshToken()).Encode() }
	with := func(suffix string) func(client) string {
		return func(c client) string { return good(c) + suffix }
	}
	none := func(client) string { return "" }
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	tests := map[string]struct {
		cfg    orgtest.Config
		method string // default POST
		path   string // default the token endpoint
		body   func(client) string
		change func(*http.Request)
		status int
		want   []string
	}{
		"method":             {method: "GET", body: none, status: 400, want: []string{"the method is not POST", "the body is not a form, application/x-www-form-urlencoded"}},
		"content type":       {change: header("Content-Type", "application/json"), status: 400, want: []string{"the body is not a form, application/x-www-form-urlencoded"}},
		"charset":            {change: header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"), status: 200},
		"query":              {path: token + "?x=1", status: 200, want: []string{"there is a query string, which ends up in logs"}},
		"empty query":        {path: token + "?", status: 200, want: []string{"there is a query string, which ends up in logs"}},
		"doubled":            {body: with("&grant_type=refresh_token"), status: 200, want: []string{"the field grant_type is there more than once"}},
		"unexpected":         {body: with("&scope=api"), status: 200, want: []string{"the field scope is not expected"}},
		"not a name":         {body: with("&%7B%22a%22=1"), status: 200, want: []string{"the field (malformed name) is not expected"}},
		"public with secret": {body: with("&client_secret=x"), status: 200, want: []string{"the field client_secret is not expected"}},
		"no secret":          {cfg: orgtest.Config{ClientSecret: clientSecret}, body: func(c client) string { return strings.Replace(good(c), "client_secret", "secret", 1) }, status: 400, want: []string{"the field client_secret is missing", "the field secret is not expected"}},
		"empty":              {body: none, status: 400, want: []string{"the field client_id is missing", "the field grant_type is missing", "the field refresh_token is missing"}},
		"broken":             {body: with("&%zz"), status: 400, want: []string{"the form is not well encoded", "the body is not a form, application/x-www-form-urlencoded"}},
		"too large":          {body: with("&x=" + strings.Repeat("x", 1<<20)), status: 400, want: []string{"the body does not end, or is too large", "the body is not a form, application/x-www-form-urlencoded"}},
		"basic":              {change: func(r *http.Request) { r.SetBasicAuth("3MVG9.test-client-id", "") }, status: 200, want: []string{"there is an Authorization header"}},
		"cookie":             {change: header("Cookie", "a=b"), status: 200, want: []string{"there is a cookie"}},
		"accept":             {change: header("Accept", "application/xml"), status: 200, want: []string{"it does not accept JSON"}},
		"accept all":         {change: header("Accept", "text/plain, */*;q=0.1"), status: 200},
		"no such endpoint":   {path: "/services/oauth2/tokens", status: 404, want: []string{"there is no such endpoint"}},
		"root beside site":   {cfg: orgtest.Config{Site: "/partners"}, status: 404, want: []string{"there is no such endpoint"}},
		"public introspects": {path: "/services/oauth2/introspect", body: func(client) string { return "token=a&client_id=b&client_secret=c" }, status: 401, want: []string{"a public client introspects"}},
		"hint": {cfg: orgtest.Config{ClientSecret: clientSecret}, path: "/services/oauth2/introspect", body: func(c client) string {
			return "token=a&client_id=" + c.ClientID() + "&client_secret=" + clientSecret + "&token_type_hint=b"
		}, status: 200, want: []string{"the field token_type_hint is neither access_token nor refresh_token"}},
		"no bearer":     {method: "GET", path: "/services/data/v65.0/", body: none, status: 401, want: []string{"there is no bearer token"}},
		"bearer in URL": {method: "GET", path: "/services/data/v65.0/?access_token=x", body: none, status: 401, want: []string{"there is no bearer token", "there is a query string, which ends up in logs"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, test.cfg)
			if test.method == "" {
				test.method = http.MethodPost
			}
			if test.path == "" {
				test.path = token
			}
			if test.body == nil {
				test.body = good
			}
			req, err := http.NewRequestWithContext(t.Context(), test.method, c.URL+test.path, strings.NewReader(test.body(c)))
			if err != nil {
				t.Fatal(err)
			}
			if test.method == http.MethodPost {
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			if test.change != nil {
				test.change(req)
			}
			r, err := c.do(req)
			if err != nil {
				t.Fatal(err)
			}
			if r.status != test.status {
				t.Errorf("status %d, want %d", r.status, test.status)
			}
			path, _, _ := strings.Cut(test.path, "?")
			for i := range test.want {
				test.want[i] = test.method + " " + path + ": " + test.want[i]
			}
			c.wantProblems(t, test.want...)
		})
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	c := start(t, orgtest.Config{})
	c.refresh(t, c.RefreshToken())
	const want = `POST /services/oauth2/token (HTTP/2.0) content-type="application/x-www-form-urlencoded" accept="" user-agent="Go-http-client/2.0" fields=client_id,grant_type,refresh_token`
	if got := c.Requests(); len(got) != 1 || got[0].String() != want {
		t.Errorf("requests %v, want %s", got, want)
	}
	if n := c.Count(orgtest.Token); n != 1 {
		t.Errorf("%d requests", n)
	}
}
