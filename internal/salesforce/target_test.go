package salesforce

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func pairs(targets []Target) (all []string) {
	for _, t := range targets {
		all = append(all, strings.TrimPrefix(t.Host.URL()+t.Host.Site(), "https://")+" for "+strings.TrimPrefix(t.Audience, "https://"))
	}
	return all
}

func testHost(t *testing.T, url, site string, allowHost bool) Host {
	t.Helper()
	host, err := ParseHost(url, site, allowHost)
	if err != nil {
		t.Fatal(err)
	}
	return host
}

// TestTargets checks the order. An integration test compares it with the Salesforce CLI's.
func TestTargets(t *testing.T) {
	t.Parallel()
	myDomain := testHost(t, "https://acme.my.salesforce.com", "", false)
	sandbox := testHost(t, sandboxURL, "", false)
	for _, tt := range []struct {
		name  string
		grant JWTGrant
		want  []string
	}{
		{"a given audience", JWTGrant{Host: myDomain, Audience: "https://x.example.com", Accepted: Target{sandbox, sandboxURL}}, []string{"acme.my.salesforce.com for x.example.com"}},
		{"a My Domain", JWTGrant{Host: myDomain}, []string{
			"acme.my.salesforce.com for acme.my.salesforce.com", "test.salesforce.com for test.salesforce.com", "login.salesforce.com for login.salesforce.com",
			"acme.my.salesforce.com for login.salesforce.com", "acme.my.salesforce.com for test.salesforce.com",
		}},
		{"what worked", JWTGrant{Host: myDomain, Accepted: Target{myDomain, sandboxURL}}, []string{
			"acme.my.salesforce.com for test.salesforce.com", "acme.my.salesforce.com for acme.my.salesforce.com", "test.salesforce.com for test.salesforce.com",
			"login.salesforce.com for login.salesforce.com", "acme.my.salesforce.com for login.salesforce.com",
		}},
		{"a site", JWTGrant{Host: testHost(t, "https://acme.my.site.com", "/partners", false)}, []string{
			"acme.my.site.com/partners for acme.my.site.com/partners", "test.salesforce.com for test.salesforce.com", "login.salesforce.com for login.salesforce.com",
			"acme.my.site.com/partners for login.salesforce.com", "acme.my.site.com/partners for test.salesforce.com",
		}},
		{"a host of the user's choice", JWTGrant{Host: testHost(t, "https://proxy.example.com", "", true), AudienceURL: "https://x.my.salesforce.com/"}, []string{
			"proxy.example.com for proxy.example.com", "proxy.example.com for x.my.salesforce.com", "proxy.example.com for login.salesforce.com", "proxy.example.com for test.salesforce.com",
		}},
		{"an audience that is no host of Salesforce's", JWTGrant{Host: sandbox, AudienceURL: "https://x.example.com"}, []string{
			"test.salesforce.com for test.salesforce.com", "login.salesforce.com for login.salesforce.com", "test.salesforce.com for x.example.com", "login.salesforce.com for x.example.com",
		}},
		{"an audience on loopback", JWTGrant{Host: sandbox, AudienceURL: "https://127.0.0.1:8443"}, []string{
			"test.salesforce.com for test.salesforce.com", "login.salesforce.com for login.salesforce.com", "test.salesforce.com for 127.0.0.1:8443", "login.salesforce.com for 127.0.0.1:8443",
		}},
	} {
		if got := pairs(tt.grant.Targets()); !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
}

// TestNextTarget: some refusals lead to the next target, and others are final.
func TestNextTarget(t *testing.T) {
	t.Parallel()
	key, err := testPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		code, description string
		status, posts     int
	}{
		{"invalid_grant", "audience is invalid", 400, 3},
		{"invalid_grant", "Audience validation failed", 400, 3},
		{"invalid_client_id", "client identifier invalid", 400, 3},
		{"app_not_found", "External client app is not installed in this org", 400, 3},
		{"invalid_grant", "user hasn't approved this consumer", 400, 3},
		{"invalid_grant", "invalid assertion", 400, 1},
		{"invalid_grant", "expired authorization code", 400, 1},
		{"invalid_grant", "inactive user", 400, 1},
		{"invalid_grant", "login rate exceeded", 400, 1},
		{"invalid_client", "app must be installed into org", 400, 1},
		{"server_error", "", 503, 1},
	} {
		posts := 0
		client, host := hostThat(t, func(w http.ResponseWriter, _ *http.Request) {
			posts++
			w.WriteHeader(tt.status)
			_, _ = w.Write(oauthBody(t, tt.code, tt.description))
		})
		for given, want := range map[string]int{"": tt.posts, host.URL() + "/partners": 1} {
			posts = 0
			_, err := client.Exchange(t.Context(), JWTGrant{Host: host, ClientID: "test-client-id", Username: "me@example.com", Key: key, Audience: given})
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Code != tt.code || posts != want {
				t.Errorf("%s %q: %d posts, want %d: %v", tt.code, tt.description, posts, want, err)
			}
		}
	}
}
