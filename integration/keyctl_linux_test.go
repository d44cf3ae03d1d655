package integration

import (
	"context"
	"os/exec"
	"strings"
	"testing"
)

// keyOf returns the number of the key that has an item of ours in the kernel's
// keyring of this user.
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

// outliveRevoked goes through what a person may do to the keys of an org: its cached
// token is as good as none then, its grant is lost, and no other org is.
func (r *rig) outliveRevoked(t *testing.T) {
	t.Helper()
	r.store(t, "prod", r.org)
	r.store(t, "dev", r.org)
	t.Cleanup(func() { r.run(context.Background(), "", "erase", "dev") })
	withdraw := func(item string, args ...string) {
		t.Helper()
		args = append(args[:1:1], append([]string{keyOf(t, item)}, args[1:]...)...)
		if out, err := exec.Command("keyctl", args...).CombinedOutput(); err != nil {
			t.Fatalf("keyctl %v: %v: %s", args, err, out)
		}
	}
	for _, how := range [][]string{{"revoke"}, {"setperm", "0"}} {
		r.run(t.Context(), "", "get", "prod").token(t)
		withdraw("token/prod", how...)
		r.run(t.Context(), "", "get", "prod").token(t)
		if got := r.run(t.Context(), "", "list"); got.status != 0 || got.stderr != "" {
			t.Errorf("list, a token %s: status %d: %s", how, got.status, got.stderr)
		}
	}
	withdraw("org/prod", "revoke")
	if got := r.run(t.Context(), "", "get", "prod"); got.status != 0 {
		t.Errorf("get from the cache: status %d: %s", got.status, got.stderr)
	}
	const words = "its key in the kernel's keyring was revoked, or has expired"
	if got := r.run(t.Context(), "", "get", "prod", "--force"); got.status != 5 || !strings.Contains(got.stderr, words) || !strings.Contains(got.stderr, "hint: log in again, or store the org again") {
		t.Errorf("get: status %d: %s", got.status, got.stderr)
	}
	for _, command := range []string{"list", "status"} {
		got := r.run(t.Context(), "", command)
		if got.status != 0 || !strings.Contains(got.stdout, "dev") || !strings.Contains(got.stdout, "prod") || !strings.Contains(got.stderr, words) {
			t.Errorf("%s: status %d: %s%s", command, got.status, got.stdout, got.stderr)
		}
	}
	r.store(t, "prod", r.org)
	r.run(t.Context(), "", "get", "prod").token(t)
	withdraw("org/prod", "revoke")
	withdraw("token/prod", "revoke")
	for _, org := range []string{"prod", "dev"} {
		if got := r.run(t.Context(), "", "erase", org); got.status != 0 || got.stdout+got.stderr != "" {
			t.Errorf("erase %s: status %d: %s", org, got.status, got.stderr)
		}
	}
	if got := r.run(t.Context(), "", "list"); got.stdout != `{"version":1,"orgs":[]}`+"\n" {
		t.Errorf("at the end: %s%s", got.stdout, got.stderr)
	}
}
