package salesforcecli

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/internal/salesforce"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// TestSalesforceCLIAudiences: forcecred tries an assertion at the hosts and for the
// audiences that the CLI tries, in its order.
func TestSalesforceCLIAudiences(t *testing.T) {
	t.Parallel()
	r := openSFRig(t, t.TempDir(), orgtest.Config{})
	core := r.core(t, r.user)
	for _, login := range []string{"https://acme.my.salesforce.com", "https://acme--dev.sandbox.my.salesforce.com", "https://login.salesforce.com", "https://test.salesforce.com", "https://acme.my.salesforce.mil"} {
		for _, audience := range []string{"", "https://gs1.salesforce.com", "https://login.salesforce.com", "https://test.salesforce.com", login} {
			args := map[string]any{"login": login, "audience": audience}
			if audience == "" {
				args["audience"] = "https://login.salesforce.com" // as the CLI's getJwtAudienceUrl has it
			}
			var theirs [][2]string
			core.mustAsk(t, "audiences", args, &theirs)
			parsed, err := salesforce.ParseHost(login, "", false)
			if err != nil {
				t.Fatal(err)
			}
			var ours [][2]string
			for _, target := range (salesforce.JWTGrant{Host: parsed, AudienceURL: audience}).Targets() {
				ours = append(ours, [2]string{target.Host.URL(), target.Audience})
			}
			if !slices.Equal(ours, theirs) {
				t.Errorf("%s with %q:\n%v\nthe CLI:\n%v", login, audience, ours, theirs)
			}
		}
	}
}

// newHostsRig returns a rig whose org is at each of the hosts, through a proxy. Nothing
// is stored.
func newHostsRig(t *testing.T, cfg orgtest.Config, hosts []string, env ...string) (*rig.Rig, *rig.Proxy) {
	t.Helper()
	p := rig.StartProxy(t)
	cfg.Hosts, cfg.InstanceURL = hosts, "https://"+hosts[0]
	r := rig.NewIn(t, filepath.Join(t.TempDir(), "home"), cfg, append([]string{"HTTPS_PROXY=http://" + p.Address, "NO_PROXY=", "no_proxy="}, env...)...)
	p.Route(strings.TrimPrefix(r.Org.URL, "https://"), hosts...)
	return r, p
}

// TestAudience: forcecred finds the audience that an org accepts, and uses it at once
// from then on. If an org accepts none, forcecred makes only a few requests.
func TestAudience(t *testing.T) {
	t.Parallel()
	const sandbox, production = "https://test.salesforce.com", "https://login.salesforce.com"
	hosts := []string{rig.MyDomain, "test.salesforce.com", "login.salesforce.com"}
	for _, tt := range []struct {
		name        string
		audiences   []string
		given       string
		status      int
		first, then int // requests of the first get and of the next
	}{
		{"the login URL", nil, "", 0, 1, 1},
		{"test.salesforce.com", []string{sandbox}, "", 0, 2, 1},
		{"login.salesforce.com", []string{production}, "", 0, 3, 1},
		{"none", []string{}, "", 8, 5, 5},
		{"the given one", []string{sandbox}, sandbox, 0, 1, 1},
		{"another than the given one", []string{sandbox}, production, 8, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, p := newHostsRig(t, orgtest.Config{AppKey: rig.AppKey(t).Public, Audiences: tt.audiences}, hosts)
			storeJWT(t, r, "ci", "https://"+rig.MyDomain, tt.given)
			for round, want := range []int{tt.first, tt.then} {
				before := r.Org.Count(orgtest.Token)
				got := r.Run(t.Context(), "", "get", "ci", "--force")
				if posts := r.Org.Count(orgtest.Token) - before; got.Status != tt.status || posts != want {
					t.Errorf("round %d: status %d after %d requests, want %d after %d: %s", round, got.Status, posts, tt.status, want, got.Stderr)
				}
				if tt.status == 0 && got.Token(t) != r.Org.AccessToken() {
					t.Errorf("round %d: not the org's newest token", round)
				}
			}
			if tt.status != 0 {
				if got := r.Run(t.Context(), "", "get", "ci"); !strings.Contains(got.Stderr, "audience is invalid") {
					t.Errorf("it says: %s", got.Stderr)
				}
			}
			t.Logf("asked: %v", p.Asked)
		})
	}
}

// TestAudienceFarAway: forcecred finds the audience also if it can reach only the org's
// own host.
func TestAudienceFarAway(t *testing.T) {
	t.Parallel()
	r, p := newHostsRig(t, orgtest.Config{AppKey: rig.AppKey(t).Public, Audiences: []string{"https://test.salesforce.com"}}, []string{rig.MyDomain})
	p.Route("127.0.0.1:1", "test.salesforce.com", "login.salesforce.com")
	storeJWT(t, r, "ci", "https://"+rig.MyDomain, "")
	if got := r.Run(t.Context(), "", "get", "ci"); got.Status != 0 || got.Token(t) != r.Org.AccessToken() {
		t.Errorf("status %d: %s", got.Status, got.Stderr)
	}
}

// TestSalesforceCLIKeyLoginAudience: the CLI's library and forcecred use a private key in
// turn, at an org that requires another audience than its login URL.
func TestSalesforceCLIKeyLoginAudience(t *testing.T) {
	t.Parallel()
	key := rig.AppKey(t)
	hosts := []string{rig.MyDomain, "test.salesforce.com", "login.salesforce.com"}
	for _, tt := range []struct {
		name, audience, env string
		first               int // requests of forcecred's first get
	}{
		{"test.salesforce.com", "https://test.salesforce.com", "SF_AUDIENCE_URL=", 2},
		{"SF_AUDIENCE_URL", "https://gs1.salesforce.com", "SF_AUDIENCE_URL=https://gs1.salesforce.com", 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := rig.StartProxy(t)
			cfg := orgtest.Config{AppKey: key.Public, LaxAssertions: true, Audiences: []string{tt.audience}, Hosts: hosts, InstanceURL: "https://" + rig.MyDomain}
			r := openSFRig(t, t.TempDir(), cfg, tt.env, "HTTPS_PROXY=http://"+p.Address, "https_proxy=http://"+p.Address, "NO_PROXY=", "no_proxy=", "SF_DISABLE_DNS_CHECK=true")
			p.Route(strings.TrimPrefix(r.Org.URL, "https://"), hosts...)
			keyFile := filepath.Join(t.TempDir(), "server.key")
			rig.WriteFile(t, keyFile, []byte(key.PEM))
			members := r.authMembersOf(rig.SFUser, "prod")
			delete(members, "refreshToken")
			members["privateKey"], members["instanceUrl"], members["loginUrl"] = keyFile, "https://"+rig.MyDomain, "https://"+rig.MyDomain
			core := r.core(t, r.user)
			core.mustAsk(t, "login", map[string]any{"logins": []any{members}}, nil)
			for round, want := range []int{tt.first, 1} {
				var refreshed string
				if core.mustAsk(t, "refresh", map[string]any{"name": "prod"}, &refreshed); refreshed != r.Org.AccessToken() {
					t.Errorf("round %d: the CLI's refresh does not bring the newest token", round)
				}
				before := r.Org.Count(orgtest.Token)
				got := r.Run(t.Context(), "", "get", "prod", "--force")
				if posts := r.Org.Count(orgtest.Token) - before; got.Status != 0 || got.Token(t) != r.Org.AccessToken() || posts != want {
					t.Errorf("round %d: status %d after %d requests, want %d: %s", round, got.Status, posts, want, got.Stderr)
				}
			}
		})
	}
}

// storeJWT stores the rig's org as name, with a private key.
func storeJWT(t *testing.T, r *rig.Rig, name, loginURL, audience string) {
	t.Helper()
	req := protocol.StoreRequest{
		Org: name, GrantType: "jwt_bearer", LoginURL: loginURL, Audience: audience, ClientID: r.Org.ClientID(), Username: rig.SFUser, PrivateKey: secret.New(rig.AppKey(t).PEM),
	}
	var text bytes.Buffer
	if err := req.Encode(&text); err != nil {
		t.Fatal(err)
	}
	if got := r.Run(t.Context(), text.String(), "store"); got.Status != 0 {
		t.Fatalf("store: status %d: %s", got.Status, got.Stderr)
	}
}
