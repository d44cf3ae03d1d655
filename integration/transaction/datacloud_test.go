package transaction

import (
	"sync/atomic"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/keystore"
)

// TestDataCloudConcurrentGets: a hundred processes, half of which want a Data Cloud
// token and half the org's own, cause one refresh and one exchange.
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

// TestDataCloudConcurrentGetsAfterSessionEnd is the same after the session of the cached
// token has ended at Salesforce. The first exchange detects it.
func TestDataCloudConcurrentGetsAfterSessionEnd(t *testing.T) {
	r := rig.New(t, rig.DataCloud)
	r.Run(t.Context(), "", "get", "prod").Token(t)
	r.Org.ExpireSessions()
	tokens := r.Crowd(t, rig.CrowdSize, rig.DataCloudRequest, "prod")
	rig.WantOneToken(t, "prod", tokens["prod"], r.Org.DataCloudToken(), rig.CrowdSize)
	r.WantExchanges(t, 2, 2)
}

// TestDataCloudNetwork: an exchange uses up no token. So forcecred repeats it after a
// lost answer, without a refresh.
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

// TestDataCloudLogout: after a logout, the cached token is deleted and not valid.
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
