package integration

import (
	"strings"
	"testing"

	"forcecred/internal/orgtest"
)

// TestSalesforceCLIStore pipes what the real CLI prints of a login to store: the
// command that shows the auth URL, and the one that hides it since May 2026.
func TestSalesforceCLIStore(t *testing.T) {
	t.Parallel()
	r := newSFRig(t, orgtest.Config{})
	env := append(r.env, "FORCECRED_KEYSTORE=file")
	store := func(input string, args ...string) result {
		cmd := r.command(t.Context(), append([]string{"store"}, args...)...)
		cmd.Env, cmd.Stdin = env, strings.NewReader(input)
		return finish(cmd)
	}
	shown := r.sf(t.Context(), "", "org", "auth", "show-sfdx-auth-url", "--target-org", "prod", "--json")
	if got := store(shown.stdout, "copied"); got.status != 0 {
		t.Fatalf("sf's status %d; store: status %d: %s", shown.status, got.status, got.stderr)
	}
	cmd := r.command(t.Context(), "get", "copied")
	cmd.Env = env
	if got := finish(cmd); got.token(t) != r.org.AccessToken() {
		t.Error("the stored login brings another token than the org's newest")
	}
	hidden := r.sf(t.Context(), "", "org", "display", "--target-org", "prod", "--verbose", "--json")
	if got := store(hidden.stdout, "hidden"); got.status != 3 || !strings.Contains(got.stderr, "`sf org auth show-sfdx-auth-url --json` prints it") {
		t.Errorf("of what sf hides: status %d: %s", got.status, got.stderr)
	}
	if got := store(shown.stdout); got.status != 3 || !strings.Contains(got.stderr, "`forcecred store ORG`") {
		t.Errorf("without an org: status %d: %s", got.status, got.stderr)
	}
}
