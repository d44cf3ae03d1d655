package rig

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/internal/orgtest"
)

// WantDetected checks that the first store in a new home finds the keystore and
// pins it.
func (r *Rig) WantDetected(t *testing.T, keystore string) {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	var request strings.Builder
	if err := StoreRequest(r.Org, "detected", "").Encode(&request); err != nil {
		t.Fatal(err)
	}
	cmd := r.Command(t.Context(), "store")
	cmd.Env = append(cmd.Env, "FORCECRED_KEYSTORE=auto", "FORCECRED_HOME="+r.Drive+home)
	cmd.Stdin = strings.NewReader(request.String())
	if got := Finish(cmd); got.Status != 0 || !strings.Contains(got.Stderr, "credentials are stored in the keystore "+keystore+";") {
		t.Errorf("store: status %d: %s", got.Status, got.Stderr)
	}
	if got := r.Run(t.Context(), "", "erase", "detected"); got.Status != 0 {
		t.Errorf("erase: status %d: %s", got.Status, got.Stderr)
	}
}

// ExerciseKeystore lists, gets, refreshes and erases an org in the rig's keystore.
func (r *Rig) ExerciseKeystore(t *testing.T) {
	t.Helper()
	if got := r.Run(t.Context(), "", "list"); got.Status != 0 || got.Stderr != "" || strings.Count(got.Stdout, `"org":"prod"`) != 1 {
		t.Errorf("list: status %d: %s%s", got.Status, got.Stdout, got.Stderr)
	}
	first := r.Run(t.Context(), "", "get", "prod")
	if second := r.Run(t.Context(), "", "get", "prod"); first.Token(t) != second.Token(t) || r.Org.Count(orgtest.Token) != 1 {
		t.Errorf("the second get is not from the cache: %d token requests", r.Org.Count(orgtest.Token))
	}
	const many = 10
	rejected := first.Token(t)
	tokens := r.Crowd(t, many, func(org string) string { return fmt.Sprintf(`{"org":%q,"rejected_token":%q}`, org, rejected) }, "prod")
	WantOneToken(t, "prod", tokens["prod"], r.Org.AccessToken(), many)
	for range many {
		if r.Run(t.Context(), "", "get", "prod", "--force").Token(t) != r.Org.AccessToken() {
			t.Error("a refresh does not answer with the org's newest token")
		}
	}
	if posts := r.Org.Count(orgtest.Token); posts != many+2 || !r.Org.Alive() {
		t.Errorf("%d token requests, want %d; alive %v", posts, many+2, r.Org.Alive())
	}
	if got := r.Run(t.Context(), "", "erase", "prod"); got.Status != 0 || got.Stdout+got.Stderr != "" {
		t.Errorf("erase: status %d: %s", got.Status, got.Stderr)
	}
	if got := r.Run(t.Context(), "", "get", "prod"); got.Status != 4 {
		t.Errorf("after erase: status %d: %s", got.Status, got.Stderr)
	}
	if got := r.Run(t.Context(), "", "list"); got.Stdout != `{"version":1,"orgs":[]}`+"\n" {
		t.Errorf("after erase: %s%s", got.Stdout, got.Stderr)
	}
}
