package transaction

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// crowdConfig is the org of a crowd. With HTTP/2, Go's server drops a client whose first
// frame it has not read after 2 seconds, as on a slow machine.
var crowdConfig = orgtest.Config{Rotate: true, Delay: 100 * time.Millisecond, HTTP1: true}

// TestConcurrentGetsRefreshOnce: a hundred processes that find the token expired cause one refresh.
func TestConcurrentGetsRefreshOnce(t *testing.T) {
	r := rig.New(t, crowdConfig)
	begin := time.Now()
	tokens := r.Crowd(t, rig.CrowdSize, rig.GetRequest, "prod")
	took := time.Since(begin)
	rig.WantOneToken(t, "prod", tokens["prod"], r.Org.AccessToken(), rig.CrowdSize)
	if posts := r.Org.Count(orgtest.Token); posts != 1 {
		t.Errorf("%d token requests, want 1", posts)
	}
	if r.Run(t.Context(), "", "get", "prod", "--force").Token(t); !r.Org.Alive() {
		t.Error("the grant is dead")
	}
	t.Logf("%d processes at once, token expired: 1 token request, %d equal answers, in %v", rig.CrowdSize, rig.CrowdSize, took.Round(time.Millisecond))
}

// TestConcurrentRejectionsRefreshOnce: a hundred callers with the same rejected token
// cause one refresh.
func TestConcurrentRejectionsRefreshOnce(t *testing.T) {
	r := rig.New(t, crowdConfig)
	rejected := r.Run(t.Context(), "", "get", "prod").Token(t)
	tokens := r.Crowd(t, rig.CrowdSize, func(org string) string {
		return fmt.Sprintf(`{"org":%q,"rejected_token":%q}`, org, rejected)
	}, "prod")
	rig.WantOneToken(t, "prod", tokens["prod"], r.Org.AccessToken(), rig.CrowdSize)
	if posts := r.Org.Count(orgtest.Token); posts != 2 {
		t.Errorf("%d token requests, want 2: the first get's and one for all", posts)
	}
	t.Logf("%d processes with the same rejected token: 1 token request", rig.CrowdSize)
}

// TestConcurrentGetsOfManyOrgs: orgs don't wait for each other, and each is refreshed
// once.
func TestConcurrentGetsOfManyOrgs(t *testing.T) {
	r := rig.New(t, crowdConfig)
	names := []string{"prod"}
	for i := range 4 { // they share a server, and have grants of their own
		names = append(names, fmt.Sprintf("org-%d", i))
		r.Org.NewGrant()
		r.Store(t, names[i+1], r.Org)
	}
	const each = rig.CrowdSize / 5
	tokens := r.Crowd(t, each, rig.GetRequest, names...)
	seen := map[string]bool{}
	for _, name := range names {
		if len(tokens[name]) != each || len(slices.Compact(slices.Clone(tokens[name]))) != 1 {
			t.Errorf("%s: %d answers, not all equal", name, len(tokens[name]))
			continue
		}
		seen[tokens[name][0]] = true
	}
	if posts := r.Org.Count(orgtest.Token); posts != 5 || len(seen) != 5 {
		t.Errorf("%d token requests and %d tokens, want 5", posts, len(seen))
	}
	t.Logf("%d processes at once for 5 orgs: 5 token requests", each*5)
}

// TestManyRefreshesInARow: after each refresh, the stored refresh token is the org's
// current one.
func TestManyRefreshesInARow(t *testing.T) {
	r := rig.New(t, orgtest.Config{Rotate: true})
	const length = 200
	begin := time.Now()
	for i := range length {
		if got := r.Run(t.Context(), "", "get", "prod", "--force").Token(t); got != r.Org.AccessToken() {
			t.Fatalf("refresh %d: not the org's newest token", i)
		}
		if r.StoredToken(t) != r.Org.RefreshToken() {
			t.Fatalf("refresh %d: the stored refresh token is not the org's", i)
		}
	}
	if posts := r.Org.Count(orgtest.Token); posts != length || !r.Org.Alive() {
		t.Errorf("%d token requests for %d refreshes, alive %v", posts, length, r.Org.Alive())
	}
	t.Logf("%d refreshes in a row over a rotating grant: all succeeded, %v each", length, (time.Since(begin) / length).Round(100*time.Microsecond))
}
