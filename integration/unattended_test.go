package integration

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"forcecred/internal/orgtest"
	"forcecred/protocol"
	"forcecred/protocol/secret"

	"github.com/rogpeppe/go-internal/testscript"
)

// assertionLimit is what Salesforce lets an assertion last.
const assertionLimit = 3 * time.Minute

func appKey(t *testing.T) orgtest.AppKey {
	t.Helper()
	key, err := orgtest.NewAppKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// storeUnattended stores the rig's org under that name, as a grant that nobody has
// to sign in for, where it logs in as loginURL says.
func (r *rig) storeUnattended(t *testing.T, name, grantType, loginURL string) {
	t.Helper()
	req := protocol.StoreRequest{Org: name, GrantType: grantType, LoginURL: loginURL, ClientID: r.org.ClientID()}
	if grantType == "jwt_bearer" {
		req.Username, req.PrivateKey = "test-user@example.com", secret.New(appKey(t).PEM)
	} else {
		req.ClientSecret = secret.New(r.org.ClientSecret())
	}
	var text bytes.Buffer
	if err := req.Encode(&text); err != nil {
		t.Fatal(err)
	}
	if got := r.run(t.Context(), text.String(), "store"); got.status != 0 {
		t.Fatalf("store: status %d: %s", got.status, got.stderr)
	}
}

// TestUnattendedCrowd: thirty processes that find the token expired cause one
// request, whatever the grant.
func TestUnattendedCrowd(t *testing.T) {
	t.Parallel()
	for grantType, cfg := range map[string]orgtest.Config{
		"jwt_bearer":         {AppKey: appKey(t).Public},
		"client_credentials": {RunAs: true, ClientSecret: "test-client-secret-0001"},
	} {
		t.Run(grantType, func(t *testing.T) {
			t.Parallel()
			cfg.Delay = 100 * time.Millisecond
			r := newRig(t, cfg)
			r.storeUnattended(t, "ci", grantType, r.org.URL)
			old := r.run(t.Context(), "", "get", "ci").token(t)
			r.org.ExpireSessions()
			tokens := r.crowd(t, 30, func(org string) string { return fmt.Sprintf(`{"org":%q,"rejected_token":%q}`, org, old) }, "ci")
			wantOne(t, "ci", tokens["ci"], r.org.AccessToken(), 30)
			if posts := r.org.Count(orgtest.Token); posts != 2 || r.org.AccessToken() == old {
				t.Errorf("%d token requests, want 2: the first get's and one for all", posts)
			}
			t.Logf("%s: 30 processes with the same rejected token: 1 token request", grantType)
		})
	}
}

// TestUnattendedAnswerLost: what may have been answered is asked again.
func TestUnattendedAnswerLost(t *testing.T) {
	t.Parallel()
	for grantType, cfg := range map[string]orgtest.Config{
		"jwt_bearer":         {AppKey: appKey(t).Public},
		"client_credentials": {RunAs: true, ClientSecret: "test-client-secret-0001"},
	} {
		t.Run(grantType, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, cfg)
			r.storeUnattended(t, "ci", grantType, r.org.URL)
			fault, _ := orgtest.FaultNamed("reset-after-commit")
			r.org.FailNext(1, fault)
			if got := r.run(t.Context(), "", "get", "ci"); got.token(t) != r.org.AccessToken() || got.stderr != "" {
				t.Errorf("not the org's newest token: %s", got.stderr)
			}
			if posts, commits := r.org.Count(orgtest.Token), r.org.Commits(); posts != 2 || commits != 2 {
				t.Errorf("%d token requests, %d commits; want 2", posts, commits)
			}
		})
	}
}

// TestUnattendedMyDomain: both flows at an org's own host, as which a proxy shows
// the stand-in; at the hosts of all orgs nothing is sent, nor even looked up.
func TestUnattendedMyDomain(t *testing.T) {
	t.Parallel()
	p := startProxy(t)
	r := newProxiedRig(t, p, orgtest.Config{AppKey: appKey(t).Public, RunAs: true, ClientSecret: "test-client-secret-0001"})
	r.storeUnattended(t, "app", "client_credentials", "https://"+myDomain)
	r.storeUnattended(t, "user", "jwt_bearer", "https://"+myDomain)
	for _, name := range []string{"app", "user"} {
		if got := r.run(t.Context(), "", "get", name); got.token(t) != r.org.AccessToken() || !strings.Contains(got.stdout, `"instance_url":"https://`+myDomain+`"`) {
			t.Errorf("%s: %s", name, got.stderr)
		}
	}
	if seen := r.org.Assertions(); len(seen) != 1 || seen[0].Audience != "https://"+myDomain {
		t.Errorf("assertions: %+v", seen)
	}
	before := p.connects()
	for _, loginURL := range []string{`"login_url":"https://login.salesforce.com",`, `"login_url":"https://test.salesforce.com",`, ""} {
		request := `{"org":"shared","grant_type":"client_credentials",` + loginURL + `"client_id":"id","client_secret":"test-client-secret-0001"}`
		got := r.run(t.Context(), request, "store", "--verify")
		if got.status != 3 || !strings.Contains(got.stderr, "https://NAME.my.salesforce.com") || shows(got.stderr, r.org.Secrets()) {
			t.Errorf("%s: status %d: %s", loginURL, got.status, got.stderr)
		}
	}
	if n := p.connects() - before; n != 0 {
		t.Errorf("the proxy was asked for %q", p.asked)
	}
	if !slices.Equal(p.asked, []string{myDomain + ":443", myDomain + ":443"}) {
		t.Errorf("the proxy was asked for %q", p.asked)
	}
}

// TestUnattendedClock: an assertion that a wrong clock has spoilt is told as that.
// One that is a little off spoils none, with more time left than an exchange may take.
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
			r := newRig(t, orgtest.Config{AppKey: appKey(t).Public, ClockOffset: offset})
			r.storeUnattended(t, "ci", "jwt_bearer", r.org.URL)
			got := r.run(t.Context(), "", "get", "ci")
			if says == "" {
				got.token(t)
			} else if got.status != 8 || !strings.Contains(got.stderr, "this machine's clock is ") || !strings.Contains(got.stderr, says) {
				t.Errorf("status %d: %s", got.status, got.stderr)
			}
		})
	}
}

// adapt makes of a request that a document shows one of this org.
func adapt(ts *testscript.TestScript, org *orgtest.Org, file string) {
	text := strings.NewReplacer(
		"https://acme.my.salesforce.com", org.URL,
		"/etc/forcecred/", filepath.ToSlash(ts.MkAbs("."))+"/",
		`"test-client-secret"`, strconv.Quote(org.ClientSecret()),
	).Replace(ts.ReadFile(file))
	ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
}

// describe tells of the latest assertion that the org has verified, by names that
// are the same in each run.
func describe(org *orgtest.Org) string {
	all := org.Assertions()
	if len(all) == 0 {
		return "none\n"
	}
	a := all[len(all)-1]
	ends := "too late, or ended"
	if a.Left > 0 && a.Left <= assertionLimit {
		ends = "within " + assertionLimit.String()
	}
	return fmt.Sprintf("alg %s, kid %s\niss %s\nsub %s\naud %s\nexp %s\nclaims %s\n", a.Algorithm, a.KeyID, a.Issuer, a.Subject,
		strings.ReplaceAll(a.Audience, org.URL, "https://acme.my.salesforce.com"), ends, strings.Join(a.Claims, " "))
}
