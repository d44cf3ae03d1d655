package keystores

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
)

// keyOf returns the id of the key of a keystore item in this user's kernel keyring.
func keyOf(t *testing.T, item string) string {
	t.Helper()
	ring, err := exec.Command("keyctl", "search", "@u", "keyring", "forcecred").Output()
	if err != nil {
		t.Fatal(err)
	}
	id, err := exec.Command("keyctl", "search", strings.TrimSpace(string(ring)), "user", "forcecred:"+item).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(id))
}

// outliveRevoked withdraws the keys of an org. forcecred treats a withdrawn cached token
// as absent and reports a withdrawn grant. Other orgs keep working.
func outliveRevoked(t *testing.T, r *rig.Rig) {
	t.Helper()
	r.Store(t, "prod", r.Org)
	r.Store(t, "dev", r.Org)
	t.Cleanup(func() { r.Run(context.Background(), "", "erase", "dev") })
	withdraw := func(item string, args ...string) {
		t.Helper()
		args = append(args[:1:1], append([]string{keyOf(t, item)}, args[1:]...)...)
		if out, err := exec.Command("keyctl", args...).CombinedOutput(); err != nil {
			t.Fatalf("keyctl %v: %v: %s", args, err, out)
		}
	}
	for _, how := range [][]string{{"revoke"}, {"setperm", "0"}} {
		r.Run(t.Context(), "", "get", "prod").Token(t)
		withdraw("token/prod", how...)
		r.Run(t.Context(), "", "get", "prod").Token(t)
		if got := r.Run(t.Context(), "", "list"); got.Status != 0 || got.Stderr != "" {
			t.Errorf("list, a token %s: status %d: %s", how, got.Status, got.Stderr)
		}
	}
	withdraw("org/prod", "revoke")
	if got := r.Run(t.Context(), "", "get", "prod"); got.Status != 0 {
		t.Errorf("get from the cache: status %d: %s", got.Status, got.Stderr)
	}
	const words = "its key in the kernel's keyring was revoked, or has expired"
	if got := r.Run(t.Context(), "", "get", "prod", "--force"); got.Status != 5 || !strings.Contains(got.Stderr, words) || !strings.Contains(got.Stderr, "hint: log in again, or store the org again") {
		t.Errorf("get: status %d: %s", got.Status, got.Stderr)
	}
	for _, command := range []string{"list", "status"} {
		got := r.Run(t.Context(), "", command)
		if got.Status != 0 || !strings.Contains(got.Stdout, "dev") || !strings.Contains(got.Stdout, "prod") || !strings.Contains(got.Stderr, words) {
			t.Errorf("%s: status %d: %s%s", command, got.Status, got.Stdout, got.Stderr)
		}
	}
	r.Store(t, "prod", r.Org)
	r.Run(t.Context(), "", "get", "prod").Token(t)
	withdraw("org/prod", "revoke")
	withdraw("token/prod", "revoke")
	for _, org := range []string{"prod", "dev"} {
		if got := r.Run(t.Context(), "", "erase", org); got.Status != 0 || got.Stdout+got.Stderr != "" {
			t.Errorf("erase %s: status %d: %s", org, got.Status, got.Stderr)
		}
	}
	if got := r.Run(t.Context(), "", "list"); got.Stdout != `{"version":1,"orgs":[]}`+"\n" {
		t.Errorf("at the end: %s%s", got.Stdout, got.Stderr)
	}
}
