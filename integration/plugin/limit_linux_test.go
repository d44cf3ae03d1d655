package plugin

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/protocol"
)

// TestPluginFewDescriptors: a plugin that may open 60 files refreshes 30 orgs at once. A call
// may fail, but no login is lost.
func TestPluginFewDescriptors(t *testing.T) {
	t.Parallel()
	const orgs = 30
	r, s := rig.New(t, orgtest.Config{Rotate: true}), newSeat(t)
	var grants []*orgtest.Grant
	for i := range orgs {
		grants = append(grants, r.Org.NewGrant())
		r.Store(t, fmt.Sprintf("org-%d", i), r.Org)
	}
	client := startBy(t, r, s, "ulimit -n 60", false)
	var answered atomic.Int32
	for range 3 {
		var all sync.WaitGroup
		for i := range orgs {
			all.Go(func() {
				_, err := client.Get(t.Context(), protocol.GetRequest{Org: fmt.Sprintf("org-%d", i), Force: true})
				if err == nil {
					answered.Add(1)
				}
			})
		}
		all.Wait()
	}
	for i, grant := range grants {
		if got := r.Run(t.Context(), "", "get", fmt.Sprintf("org-%d", i), "--force"); got.Status != 0 || !grant.Alive() {
			t.Errorf("the login of org-%d is lost: status %d: %s", i, got.Status, got.Stderr)
		}
	}
	t.Logf("30 orgs at once, three times, 60 descriptors: %d of %d calls answered, 0 logins lost", answered.Load(), 3*orgs)
}
