package salesforcecli

import (
	"fmt"
	"os"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/protocol/secret"
)

// TestSalesforceCLIDataCloud: forcecred caches the Data Cloud tokens of the CLI's logins
// in its own keystore, once for all names of a login. It shares a refresh with the CLI.
func TestSalesforceCLIDataCloud(t *testing.T) {
	t.Parallel()
	cfg := rig.DataCloud
	cfg.Delay = 0
	r := newSFRig(t, cfg)
	before := r.Org.Count(orgtest.Token)
	token := r.Run(t.Context(), rig.DataCloudRequest("prod"), "get").Token(t)
	if again := r.Run(t.Context(), rig.DataCloudRequest(rig.SFUser), "get").Token(t); again != token || token != r.Org.DataCloudToken() {
		t.Error("by username: another token")
	}
	r.WantExchanges(t, before+1, 1)
	r.wantToken(t, "after the refresh for Data Cloud")
	file, err := os.ReadFile(r.authFile())
	if err != nil {
		t.Fatal(err)
	}
	r.Org.ExpireSessions()
	r.Run(t.Context(), rig.DataCloudRequest("prod"), "get", "--force").Token(t)
	r.wantToken(t, "after a session that had ended")
	after, err := os.ReadFile(r.authFile())
	if err != nil {
		t.Fatal(err)
	}
	wantSameMembers(t, file, after)
	if rejected := secret.New(r.Org.DataCloudToken()); r.Run(t.Context(), fmt.Sprintf(`{"org":%q,"rejected_token":%q}`, rig.SFUser, rejected.Reveal()), "erase").Status != 0 {
		t.Error("the rejected token can't be erased")
	}
	r.Run(t.Context(), rig.DataCloudRequest("prod"), "get").Token(t)
	r.WantExchanges(t, r.Org.Count(orgtest.Token), 4)
}
