package transaction

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// storeUnattended stores the rig's org as name, with a grant that needs no browser and
// with loginURL.
func storeUnattended(t *testing.T, r *rig.Rig, name, grantType, loginURL string) {
	t.Helper()
	req := protocol.StoreRequest{Org: name, GrantType: grantType, LoginURL: loginURL, ClientID: r.Org.ClientID()}
	if grantType == "jwt_bearer" {
		req.Username, req.PrivateKey = "test-user@example.com", secret.New(rig.AppKey(t).PEM)
	} else {
		req.ClientSecret = secret.New(r.Org.ClientSecret())
	}
	var text bytes.Buffer
	if err := req.Encode(&text); err != nil {
		t.Fatal(err)
	}
	if got := r.Run(t.Context(), text.String(), "store"); got.Status != 0 {
		t.Fatalf("store: status %d: %s", got.Status, got.Stderr)
	}
}

// TestUnattendedConcurrentGets: thirty processes with the same rejected token cause one
// token request, with each grant type.
func TestUnattendedConcurrentGets(t *testing.T) {
	t.Parallel()
	for grantType, cfg := range map[string]orgtest.Config{
		"jwt_bearer":         {AppKey: rig.AppKey(t).Public},
		"client_credentials": {RunAs: true, ClientSecret: "test-client-secret-0001"},
	} {
		t.Run(grantType, func(t *testing.T) {
			t.Parallel()
			cfg.Delay = 100 * time.Millisecond
			r := rig.New(t, cfg)
			storeUnattended(t, r, "ci", grantType, r.Org.URL)
			old := r.Run(t.Context(), "", "get", "ci").Token(t)
			r.Org.ExpireSessions()
			tokens := r.Crowd(t, 30, func(org string) string { return fmt.Sprintf(`{"org":%q,"rejected_token":%q}`, org, old) }, "ci")
			rig.WantOneToken(t, "ci", tokens["ci"], r.Org.AccessToken(), 30)
			if posts := r.Org.Count(orgtest.Token); posts != 2 || r.Org.AccessToken() == old {
				t.Errorf("%d token requests, want 2: the first get's and one for all", posts)
			}
			t.Logf("%s: 30 processes with the same rejected token: 1 token request", grantType)
		})
	}
}

// TestUnattendedAnswerLost: forcecred repeats a request whose answer is lost, because
// these grants use up no token.
func TestUnattendedAnswerLost(t *testing.T) {
	t.Parallel()
	for grantType, cfg := range map[string]orgtest.Config{
		"jwt_bearer":         {AppKey: rig.AppKey(t).Public},
		"client_credentials": {RunAs: true, ClientSecret: "test-client-secret-0001"},
	} {
		t.Run(grantType, func(t *testing.T) {
			t.Parallel()
			r := rig.New(t, cfg)
			storeUnattended(t, r, "ci", grantType, r.Org.URL)
			fault, _ := orgtest.FaultNamed("reset-after-commit")
			r.Org.FailNext(1, fault)
			if got := r.Run(t.Context(), "", "get", "ci"); got.Token(t) != r.Org.AccessToken() || got.Stderr != "" {
				t.Errorf("not the org's newest token: %s", got.Stderr)
			}
			if posts, commits := r.Org.Count(orgtest.Token), r.Org.Commits(); posts != 2 || commits != 2 {
				t.Errorf("%d token requests, %d commits; want 2", posts, commits)
			}
		})
	}
}

// TestUnattendedMyDomain runs both flows at an org's own host, which a proxy routes to
// the stand-in. forcecred neither sends anything to login.salesforce.com and
// test.salesforce.com nor looks them up.
func TestUnattendedMyDomain(t *testing.T) {
	t.Parallel()
	p := rig.StartProxy(t)
	r := rig.NewProxiedRig(t, p, orgtest.Config{AppKey: rig.AppKey(t).Public, RunAs: true, ClientSecret: "test-client-secret-0001"})
	storeUnattended(t, r, "app", "client_credentials", "https://"+rig.MyDomain)
	storeUnattended(t, r, "user", "jwt_bearer", "https://"+rig.MyDomain)
	for _, name := range []string{"app", "user"} {
		if got := r.Run(t.Context(), "", "get", name); got.Token(t) != r.Org.AccessToken() || !strings.Contains(got.Stdout, `"instance_url":"https://`+rig.MyDomain+`"`) {
			t.Errorf("%s: %s", name, got.Stderr)
		}
	}
	if seen := r.Org.Assertions(); len(seen) != 1 || seen[0].Audience != "https://"+rig.MyDomain {
		t.Errorf("assertions: %+v", seen)
	}
	before := p.Connects()
	for _, loginURL := range []string{`"login_url":"https://login.salesforce.com",`, `"login_url":"https://test.salesforce.com",`, ""} {
		request := `{"org":"shared","grant_type":"client_credentials",` + loginURL + `"client_id":"id","client_secret":"test-client-secret-0001"}`
		got := r.Run(t.Context(), request, "store", "--verify")
		if got.Status != 3 || !strings.Contains(got.Stderr, "https://NAME.my.salesforce.com") || rig.ShowsSecret(got.Stderr, r.Org.Secrets()) {
			t.Errorf("%s: status %d: %s", loginURL, got.Status, got.Stderr)
		}
	}
	if n := p.Connects() - before; n != 0 {
		t.Errorf("the proxy was asked for %q", p.Asked)
	}
	if !slices.Equal(p.Asked, []string{rig.MyDomain + ":443", rig.MyDomain + ":443"}) {
		t.Errorf("the proxy was asked for %q", p.Asked)
	}
}

// TestUnattendedClock: if a wrong clock makes an assertion invalid, the error says so.
// A clock that is a little wrong still leaves enough time for an exchange.
func TestUnattendedClock(t *testing.T) {
	t.Parallel()
	for offset, says := range map[time.Duration]string{
		-10 * time.Minute: " ahead of Salesforce's",
		10 * time.Minute:  " behind Salesforce's",
		45 * time.Second:  "",
		-45 * time.Second: "",
	} {
		t.Run(offset.String(), func(t *testing.T) {
			t.Parallel()
			r := rig.New(t, orgtest.Config{AppKey: rig.AppKey(t).Public, ClockOffset: offset})
			storeUnattended(t, r, "ci", "jwt_bearer", r.Org.URL)
			got := r.Run(t.Context(), "", "get", "ci")
			if says == "" {
				got.Token(t)
			} else if got.Status != 8 || !strings.Contains(got.Stderr, "this machine's clock is ") || !strings.Contains(got.Stderr, says) {
				t.Errorf("status %d: %s", got.Status, got.Stderr)
			}
		})
	}
}
