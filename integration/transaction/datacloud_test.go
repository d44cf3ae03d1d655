package transaction

import (
	"sync/atomic"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/keystore"
)

// TestDataCloudConcurrentGets: a hundred processes that want a token of Data Cloud cause one
// refresh and one exchange, also beside others that want the org's own.
func TestDataCloudConcurrentGets(t *testing.T) {
	r := rig.New(t, rig.DataCloud)
	var n atomic.Int64
	tokens := r.Crowd(t, rig.CrowdSize/2, func(string) string {
		if n.Add(1)%2 == 0 {
			return rig.GetRequest("prod")
		}
		return rig.DataCloudRequest("prod")
	}, "prod", "prod")
	seen := map[string]int{}
	for _, token := range tokens["prod"] {
		seen[token]++
	}
	if seen[r.Org.AccessToken()] != rig.CrowdSize/2 || seen[r.Org.DataCloudToken()] != rig.CrowdSize/2 {
		t.Errorf("the %d answers are not half the org's token and half Data Cloud's", len(tokens["prod"]))
	}
	r.WantExchanges(t, 1, 1)
	t.Logf("%d processes at once: 1 refresh, 1 exchange", rig.CrowdSize)
}

// TestDataCloudConcurrentGetsAfterSessionEnd: the same when the cached token of the org has
// ended at Salesforce, which the first exchange finds out.
func TestDataCloudConcurrentGetsAfterSessionEnd(t *testing.T) {
	r := rig.New(t, rig.DataCloud)
	r.Run(t.Context(), "", "get", "prod").Token(t)
	r.Org.ExpireSessions()
	tokens := r.Crowd(t, rig.CrowdSize, rig.DataCloudRequest, "prod")
	rig.WantOneToken(t, "prod", tokens["prod"], r.Org.DataCloudToken(), rig.CrowdSize)
	r.WantExchanges(t, 2, 2)
}

// TestDataCloudNetwork: the exchange spends nothing, so that a lost answer costs no
// more than another request, and no refresh.
func TestDataCloudNetwork(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.DataCloud)
	for i, f := range []orgtest.Fault{
		{Endpoint: orgtest.DataCloud, End: orgtest.Reset},
		{Endpoint: orgtest.DataCloud, End: orgtest.Truncate},
		{Endpoint: orgtest.DataCloud, Status: 503},
	} {
		r.Org.FailNext(1, f)
		if got := r.Run(t.Context(), rig.DataCloudRequest("prod"), "get", "--force").Token(t); got != r.Org.DataCloudToken() {
			t.Errorf("%v: not the newest token", f)
		}
		r.WantExchanges(t, 1, 2*(i+1))
	}
}

// TestDataCloudLogout: what was cached is of no use to anybody afterwards.
func TestDataCloudLogout(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.DataCloud)
	token := r.Run(t.Context(), rig.DataCloudRequest("prod"), "get").Token(t)
	if got := r.Run(t.Context(), "", "logout", "prod"); got.Status != 0 || got.Stderr != "" {
		t.Fatalf("status %d: %s", got.Status, got.Stderr)
	}
	if r.Org.DataCloudTakes(token) || r.Org.Alive() {
		t.Error("a token is good")
	}
	if keys, err := r.OpenStore().List(t.Context(), keystore.KindDataCloud); err != nil || len(keys) > 0 {
		t.Errorf("%v, %v", keys, err)
	}
}
