package integration

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"forcecred/internal/orgtest"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/plugin"
	"forcecred/protocol/secret"
)

// dataCloud is an org with Data Cloud whose refresh tokens rotate.
var dataCloud = orgtest.Config{Rotate: true, DataCloud: true, Scope: "api refresh_token cdp_query_api", Delay: 100 * time.Millisecond}

func dataCloudRequest(org string) string { return fmt.Sprintf(`{"org":%q,"for":"data-cloud"}`, org) }

// wantExchanges checks how often the org was asked to refresh and to exchange.
func (r *rig) wantExchanges(t *testing.T, refreshes, exchanges int) {
	t.Helper()
	if gotR, gotX := r.org.Count(orgtest.Token), r.org.Count(orgtest.DataCloud); gotR != refreshes || gotX != exchanges || !r.org.Alive() {
		t.Errorf("%d refreshes and %d exchanges, want %d and %d; alive %v", gotR, gotX, refreshes, exchanges, r.org.Alive())
	}
}

// TestDataCloudCrowd: a hundred processes that want a token of Data Cloud cause one
// refresh and one exchange, also beside others that want the org's own.
func TestDataCloudCrowd(t *testing.T) {
	r := newRig(t, dataCloud)
	var n atomic.Int64
	tokens := r.crowd(t, crowdSize/2, func(string) string {
		if n.Add(1)%2 == 0 {
			return plainRequest("prod")
		}
		return dataCloudRequest("prod")
	}, "prod", "prod")
	seen := map[string]int{}
	for _, token := range tokens["prod"] {
		seen[token]++
	}
	if seen[r.org.AccessToken()] != crowdSize/2 || seen[r.org.DataCloudToken()] != crowdSize/2 {
		t.Errorf("the %d answers are not half the org's token and half Data Cloud's", len(tokens["prod"]))
	}
	r.wantExchanges(t, 1, 1)
	t.Logf("%d processes at once: 1 refresh, 1 exchange", crowdSize)
}

// TestDataCloudCrowdAfterTheSession: the same when the cached token of the org has
// ended at Salesforce, which the first exchange finds out.
func TestDataCloudCrowdAfterTheSession(t *testing.T) {
	r := newRig(t, dataCloud)
	r.run(t.Context(), "", "get", "prod").token(t)
	r.org.ExpireSessions()
	tokens := r.crowd(t, crowdSize, dataCloudRequest, "prod")
	wantOne(t, "prod", tokens["prod"], r.org.DataCloudToken(), crowdSize)
	r.wantExchanges(t, 2, 2)
}

// TestDataCloudNetwork: the exchange spends nothing, so that a lost answer costs no
// more than another request, and no refresh.
func TestDataCloudNetwork(t *testing.T) {
	t.Parallel()
	r := newRig(t, dataCloud)
	for i, f := range []orgtest.Fault{
		{Endpoint: orgtest.DataCloud, End: orgtest.Reset},
		{Endpoint: orgtest.DataCloud, End: orgtest.Truncate},
		{Endpoint: orgtest.DataCloud, Status: 503},
	} {
		r.org.FailNext(1, f)
		if got := r.run(t.Context(), dataCloudRequest("prod"), "get", "--force").token(t); got != r.org.DataCloudToken() {
			t.Errorf("%v: not the newest token", f)
		}
		r.wantExchanges(t, 1, 2*(i+1))
	}
}

// TestDataCloudPlugin: a plugin answers as the command does, and watches.
func TestDataCloudPlugin(t *testing.T) {
	t.Parallel()
	r := newRig(t, dataCloud)
	client := r.startPlugin(t, plugin.Options{})
	req := protocol.GetRequest{Org: "prod", For: protocol.DataCloud}
	c, err := client.Get(t.Context(), req)
	if err != nil || c.For != protocol.DataCloud || c.AccessToken.Reveal() != r.org.DataCloudToken() || c.ExpiresSource != protocol.ExpiresAnswer {
		t.Fatalf("%+v, %v", c, err)
	}
	if got := r.run(t.Context(), dataCloudRequest("prod"), "get").token(t); got != c.AccessToken.Reveal() {
		t.Error("the command has another token")
	}
	for watched, err := range client.Watch(t.Context(), req) {
		if err != nil || !watched.AccessToken.Equal(c.AccessToken) || watched.For != protocol.DataCloud {
			t.Errorf("watch: %v", err)
		}
		break
	}
	if own, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil || own.AccessToken.Reveal() != r.org.AccessToken() {
		t.Errorf("the org's own: %v", err)
	}
	r.wantExchanges(t, 1, 1)
	if _, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod", For: "marketing-cloud"}); err == nil {
		t.Error("another API is answered")
	}
}

// TestDataCloudLogout: what was cached is of no use to anybody afterwards.
func TestDataCloudLogout(t *testing.T) {
	t.Parallel()
	r := newRig(t, dataCloud)
	token := r.run(t.Context(), dataCloudRequest("prod"), "get").token(t)
	if got := r.run(t.Context(), "", "logout", "prod"); got.status != 0 || got.stderr != "" {
		t.Fatalf("status %d: %s", got.status, got.stderr)
	}
	if r.org.DataCloudTakes(token) || r.org.Alive() {
		t.Error("a token is good")
	}
	if keys, err := r.openStore().List(t.Context(), keystore.KindDataCloud); err != nil || len(keys) > 0 {
		t.Errorf("%v, %v", keys, err)
	}
}

// TestDataCloudOfTheSalesforceCLIs: with the CLI's logins the token is cached among
// forcecred's own items, by whichever name, and a refresh is shared with the CLI.
func TestDataCloudOfTheSalesforceCLIs(t *testing.T) {
	t.Parallel()
	cfg := dataCloud
	cfg.Delay = 0
	r := newSFRig(t, cfg)
	before := r.org.Count(orgtest.Token)
	token := r.run(t.Context(), dataCloudRequest("prod"), "get").token(t)
	if again := r.run(t.Context(), dataCloudRequest(sfUser), "get").token(t); again != token || token != r.org.DataCloudToken() {
		t.Error("by username: another token")
	}
	r.wantExchanges(t, before+1, 1)
	r.wantToken(t, "after the refresh for Data Cloud")
	file, err := os.ReadFile(r.authFile())
	if err != nil {
		t.Fatal(err)
	}
	r.org.ExpireSessions()
	r.run(t.Context(), dataCloudRequest("prod"), "get", "--force").token(t)
	r.wantToken(t, "after a session that had ended")
	after, err := os.ReadFile(r.authFile())
	if err != nil {
		t.Fatal(err)
	}
	wantSameMembers(t, file, after)
	if rejected := secret.New(r.org.DataCloudToken()); r.run(t.Context(), fmt.Sprintf(`{"org":%q,"rejected_token":%q}`, sfUser, rejected.Reveal()), "erase").status != 0 {
		t.Error("the rejected token can't be erased")
	}
	r.run(t.Context(), dataCloudRequest("prod"), "get").token(t)
	r.wantExchanges(t, r.org.Count(orgtest.Token), 4)
}
