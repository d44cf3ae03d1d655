package salesforcecli

import (
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestSalesforceCLIStore pipes the real CLI's output for a login to forcecred store: of
// the command that shows the auth URL, and of the one that hides it since May 2026.
func TestSalesforceCLIStore(t *testing.T) {
	t.Parallel()
	r := newSFRig(t, orgtest.Config{})
	env := append(r.Env, "FORCECRED_KEYSTORE=file")
	store := func(input string, args ...string) rig.Result {
		cmd := r.Command(t.Context(), append([]string{"store"}, args...)...)
		cmd.Env, cmd.Stdin = env, strings.NewReader(input)
		return rig.Finish(cmd)
	}
	shown := r.sf(t.Context(), "", "org", "auth", "show-sfdx-auth-url", "--target-org", "prod", "--json")
	if got := store(shown.Stdout, "copied"); got.Status != 0 {
		t.Fatalf("sf's status %d; store: status %d: %s", shown.Status, got.Status, got.Stderr)
	}
	cmd := r.Command(t.Context(), "get", "copied")
	cmd.Env = env
	if got := rig.Finish(cmd); got.Token(t) != r.Org.AccessToken() {
		t.Error("the stored login brings another token than the org's newest")
	}
	hidden := r.sf(t.Context(), "", "org", "display", "--target-org", "prod", "--verbose", "--json")
	if got := store(hidden.Stdout, "hidden"); got.Status != 3 || !strings.Contains(got.Stderr, "`sf org auth show-sfdx-auth-url --json` prints one") {
		t.Errorf("of what sf hides: status %d: %s", got.Status, got.Stderr)
	}
	if got := store(shown.Stdout); got.Status != 3 || !strings.Contains(got.Stderr, "`forcecred store ORG`") {
		t.Errorf("without an org: status %d: %s", got.Status, got.Stderr)
	}
}
