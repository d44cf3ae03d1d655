package rig

import (
	"fmt"
	"testing"
	"time"

	"forcecred/internal/orgtest"
)

// DataCloud is an org with Data Cloud whose refresh tokens rotate.
var DataCloud = orgtest.Config{Rotate: true, DataCloud: true, Scope: "api refresh_token cdp_query_api", Delay: 100 * time.Millisecond}

func DataCloudRequest(org string) string { return fmt.Sprintf(`{"org":%q,"for":"data-cloud"}`, org) }

// WantExchanges checks the number of refreshes and of token exchanges at the org.
func (r *Rig) WantExchanges(t *testing.T, refreshes, exchanges int) {
	t.Helper()
	if gotR, gotX := r.Org.Count(orgtest.Token), r.Org.Count(orgtest.DataCloud); gotR != refreshes || gotX != exchanges || !r.Org.Alive() {
		t.Errorf("%d refreshes and %d exchanges, want %d and %d; alive %v", gotR, gotX, refreshes, exchanges, r.Org.Alive())
	}
}
