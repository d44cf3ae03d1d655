package integration

import (
	"path/filepath"
	"strings"
	"testing"

	"forcecred/internal/orgtest"
)

// TestInstanceHosts: where an org's tokens may go follows from where it logs in. A
// refused answer loses no refresh token.
func TestInstanceHosts(t *testing.T) {
	t.Parallel()
	const (
		ownHost   = "login.acme.example"
		notOurs   = "does not name a host of Salesforce's"
		notName   = "has no valid host name"
		site      = "sfdc_site_url"
		leftOut   = `the answer's sfdc_site_url of "prod" names a host to which the login's tokens may not go`
		instance  = "instance_url"
		instances = "api_instance_url"
	)
	p := startProxy(t)
	r := newRigIn(t, filepath.Join(t.TempDir(), "home"), orgtest.Config{Rotate: true, Hosts: []string{ownHost, myDomain}},
		"HTTPS_PROXY=http://"+p.address, "NO_PROXY=", "no_proxy=")
	p.mu.Lock()
	for _, host := range []string{ownHost, myDomain} {
		p.routes[host+":443"] = strings.TrimPrefix(r.org.URL, "https://")
	}
	p.mu.Unlock()
	for _, tt := range []struct {
		login, member, url string
		says               string // why it is refused, or ""
		answers            string // how it is in the answer, if not refused
	}{
		{r.org.URL, instance, "https://evil.test", notOurs, ""},
		{r.org.URL, instance, "https://10.0.0.1", notOurs, ""},
		{r.org.URL, instance, "https://127.1", notName, ""},
		{r.org.URL, instance, "https://acme.my.s%C4%B0te.com", notName, ""},
		{r.org.URL, instance, "HTTPS://LOCALHOST:1/", "", "https://localhost:1"},
		{r.org.URL, instance, "https://ACME.my.site.com:443", "", "https://acme.my.site.com"},
		{r.org.URL, instances, "https://evil.test", notOurs, ""},
		{r.org.URL, instances, "HTTPS://API.salesforce.com/", "", "https://api.salesforce.com"},
		{r.org.URL, site, "https://evil.test/partners", "", ""},
		{r.org.URL, site, "https://acme.my.site.com/partners", "", "https://acme.my.site.com/partners"},

		{"HTTPS://LOGIN.acme.example:443/", instance, "https://evil.test", notOurs, ""},
		{"https://" + ownHost, instance, "https://acme.example", notOurs, ""},
		{"https://" + ownHost, instance, "https://127.0.0.1", notOurs, ""},
		{"https://" + ownHost, instance, "https://LOGIN.acme.example:8443", "", "https://login.acme.example:8443"},
		{"https://" + ownHost, instance, "https://na1.login.acme.example", "", "https://na1.login.acme.example"},
		{"https://" + ownHost, instance, "https://acme.my.salesforce.com/", "", "https://acme.my.salesforce.com"},
		{"https://" + ownHost, instances, "https://evil-login.acme.example", notOurs, ""},

		{"https://" + myDomain, instance, "https://evil.test", notOurs, ""},
		{"https://" + myDomain, instance, "HTTPS://ACME.my.salesforce.com:443/", "", "https://acme.my.salesforce.com"},
		{"https://" + myDomain, site, "https://acme.my.s%C4%B0te.com/p", "", ""},
	} {
		req := storeRequest(r.org, "prod", "")
		req.LoginURL, req.AllowHost = tt.login, strings.Contains(strings.ToLower(tt.login), ownHost)
		var text strings.Builder
		if err := req.Encode(&text); err != nil {
			t.Fatal(err)
		}
		if got := r.run(t.Context(), text.String(), "store"); got.status != 0 {
			t.Fatalf("store: status %d: %s", got.status, got.stderr)
		}
		spent := r.storedToken(t)
		fields := map[string]any{instance: "https://" + myDomain, tt.member: tt.url}
		r.org.FailNext(1, orgtest.Fault{Fields: fields})
		got := r.run(t.Context(), "", "get", "prod")
		says := tt.says
		if says != "" {
			says = "the answer's " + tt.member + " " + says
		} else if tt.answers == "" {
			says = leftOut
		}
		if refused := got.status == 8 && got.stdout == ""; refused != (tt.says != "") || got.status != 0 && !refused || !strings.Contains(got.stderr, says) || (got.stderr == "") != (says == "") {
			t.Errorf("%s at %s, %s: status %d: %s", tt.member, tt.login, tt.url, got.status, got.stderr)
		}
		if member := `"` + tt.member + `":"` + tt.answers + `"`; got.status == 0 && strings.Contains(got.stdout, member) != (tt.answers != "") || strings.Contains(got.stdout, "evil") {
			t.Errorf("%s at %s, %s: not answered as %q", tt.member, tt.login, tt.url, tt.answers)
		}
		if next := r.storedToken(t); next == spent || next != r.org.RefreshToken() {
			t.Errorf("%s at %s, %s: the new refresh token is not stored", tt.member, tt.login, tt.url)
		}
		// Neither the answer nor the list has another spelling.
		if list := r.run(t.Context(), "", "list"); !strings.Contains(list.stdout, `"login_url":"`+strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(tt.login), "/"), ":443")+`"`) {
			t.Errorf("%s is listed as %s", tt.login, list.stdout)
		}
	}
}
