package network

import (
	"path/filepath"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestInstanceHosts: an org's login host decides which instance hosts may get its
// tokens. If forcecred rejects an answer, it still stores the refresh token.
func TestInstanceHosts(t *testing.T) {
	t.Parallel()
	const (
		ownHost   = "login.acme.example"
		notOurs   = "does not name a Salesforce host"
		notName   = "has no valid host name"
		site      = "sfdc_site_url"
		identity  = "id"
		path      = "/id/00D000000000001AAA/005000000000001AAA"
		leftOut   = ` of "prod" names a host to which the login's tokens may not go`
		instance  = "instance_url"
		instances = "api_instance_url"
	)
	p := rig.StartProxy(t)
	r := rig.NewIn(t, filepath.Join(t.TempDir(), "home"), orgtest.Config{Rotate: true, Hosts: []string{ownHost, rig.MyDomain}},
		"HTTPS_PROXY=http://"+p.Address, "NO_PROXY=", "no_proxy=")
	p.Route(strings.TrimPrefix(r.Org.URL, "https://"), ownHost, rig.MyDomain)
	for _, tt := range []struct {
		login, member, url string
		says               string // the reason of a rejection, or ""
		answers            string // the URL in the answer, if it is accepted
	}{
		{r.Org.URL, instance, "https://evil.test", notOurs, ""},
		{r.Org.URL, instance, "https://10.0.0.1", notOurs, ""},
		{r.Org.URL, instance, "https://127.1", notName, ""},
		{r.Org.URL, instance, "https://acme.my.s%C4%B0te.com", notName, ""},
		{r.Org.URL, instance, "HTTPS://LOCALHOST:1/", "", "https://localhost:1"},
		{r.Org.URL, instance, "https://ACME.my.site.com:443", "", "https://acme.my.site.com"},
		{r.Org.URL, instances, "https://evil.test", notOurs, ""},
		{r.Org.URL, instances, "HTTPS://API.salesforce.com/", "", "https://api.salesforce.com"},
		{r.Org.URL, site, "https://evil.test/partners", "", ""},
		{r.Org.URL, site, "https://acme.my.site.com/partners", "", "https://acme.my.site.com/partners"},
		{r.Org.URL, identity, "https://evil.test" + path, "", ""},
		{r.Org.URL, identity, "https://login.salesforce.com" + path, "", "https://login.salesforce.com" + path},

		{"HTTPS://LOGIN.acme.example:443/", instance, "https://evil.test", notOurs, ""},
		{"https://" + ownHost, instance, "https://acme.example", notOurs, ""},
		{"https://" + ownHost, instance, "https://127.0.0.1", notOurs, ""},
		{"https://" + ownHost, instance, "https://LOGIN.acme.example:8443", "", "https://login.acme.example:8443"},
		{"https://" + ownHost, instance, "https://na1.login.acme.example", "", "https://na1.login.acme.example"},
		{"https://" + ownHost, instance, "https://acme.my.salesforce.com/", "", "https://acme.my.salesforce.com"},
		{"https://" + ownHost, instances, "https://evil-login.acme.example", notOurs, ""},

		{"https://" + rig.MyDomain, instance, "https://evil.test", notOurs, ""},
		{"https://" + rig.MyDomain, instance, "HTTPS://ACME.my.salesforce.com:443/", "", "https://acme.my.salesforce.com"},
		{"https://" + rig.MyDomain, site, "https://acme.my.s%C4%B0te.com/p", "", ""},
		{"https://" + rig.MyDomain, identity, "https://acme.my.s%C4%B0te.com" + path, "", ""},
	} {
		req := rig.StoreRequest(r.Org, "prod", "")
		req.LoginURL, req.AllowHost = tt.login, strings.Contains(strings.ToLower(tt.login), ownHost)
		var text strings.Builder
		if err := req.Encode(&text); err != nil {
			t.Fatal(err)
		}
		if got := r.Run(t.Context(), text.String(), "store"); got.Status != 0 {
			t.Fatalf("store: status %d: %s", got.Status, got.Stderr)
		}
		spent := r.StoredToken(t)
		// Without a signature, because that covers the id.
		fields := map[string]any{instance: "https://" + rig.MyDomain, identity: "https://" + rig.MyDomain + path, "signature": nil, tt.member: tt.url}
		r.Org.FailNext(1, orgtest.Fault{Fields: fields})
		got := r.Run(t.Context(), "", "get", "prod")
		says := tt.says
		if says != "" {
			says = "the answer's " + tt.member + " " + says
		} else if tt.answers == "" {
			says = "the answer's " + tt.member + leftOut
		}
		if refused := got.Status == 8 && got.Stdout == ""; refused != (tt.says != "") || got.Status != 0 && !refused || !strings.Contains(got.Stderr, says) || (got.Stderr == "") != (says == "") {
			t.Errorf("%s at %s, %s: status %d: %s", tt.member, tt.login, tt.url, got.Status, got.Stderr)
		}
		if member := `"` + tt.member + `":"` + tt.answers + `"`; got.Status == 0 && strings.Contains(got.Stdout, member) != (tt.answers != "") || strings.Contains(got.Stdout, "evil") {
			t.Errorf("%s at %s, %s: not answered as %q", tt.member, tt.login, tt.url, tt.answers)
		}
		if next := r.StoredToken(t); next == spent || next != r.Org.RefreshToken() {
			t.Errorf("%s at %s, %s: the new refresh token is not stored", tt.member, tt.login, tt.url)
		}
		// The answer and the list have the same spelling.
		if list := r.Run(t.Context(), "", "list"); !strings.Contains(list.Stdout, `"login_url":"`+strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(tt.login), "/"), ":443")+`"`) {
			t.Errorf("%s is listed as %s", tt.login, list.Stdout)
		}
	}
}
