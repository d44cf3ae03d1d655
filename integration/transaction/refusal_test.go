package transaction

import (
	"sync"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// refusedCrowd runs gets at once, and checks that each ends with that status. It returns
// how long after the org's first refusal the last one ended.
func refusedCrowd(t *testing.T, r *rig.Rig, size, status int, args ...string) time.Duration {
	t.Helper()
	var all sync.WaitGroup
	for range size {
		all.Go(func() {
			if got := r.Run(t.Context(), rig.GetRequest("prod"), append([]string{"get"}, args...)...); got.Status != status {
				t.Errorf("status %d, want %d: %s", got.Status, status, got.Stderr)
			}
		})
	}
	for r.Org.Count(orgtest.Token) == 0 && t.Context().Err() == nil {
		time.Sleep(time.Millisecond)
	}
	begin := time.Now()
	all.Wait()
	return time.Since(begin)
}

// failAlways makes the org answer each refresh with the error of that name.
func failAlways(t *testing.T, r *rig.Rig, name string) {
	t.Helper()
	fault, ok := orgtest.FaultNamed(name)
	if !ok {
		t.Fatalf("there is no fault %q", name)
	}
	r.Org.FailNext(orgtest.Always, fault)
}

// TestDeadGrantIsSentOnce: a hundred processes at once, and twenty in a row, send a dead
// refresh token once. --force and a stored token send again.
func TestDeadGrantIsSentOnce(t *testing.T) {
	r := rig.New(t, orgtest.Config{Rotate: true})
	failAlways(t, r, "expired-token")
	took := refusedCrowd(t, r, rig.CrowdSize, 6)
	want := func(step string, posts int) {
		t.Helper()
		if got := r.Org.Count(orgtest.Token); got != posts {
			t.Errorf("%s: %d token requests, want %d", step, got, posts)
		}
	}
	want("a crowd", 1)
	first := r.Run(t.Context(), rig.GetRequest("prod"), "get")
	for range 20 {
		if got := r.Run(t.Context(), rig.GetRequest("prod"), "get"); got.Status != 6 || got.Stderr != first.Stderr {
			t.Errorf("status %d: %s", got.Status, got.Stderr)
		}
	}
	want("twenty in a row", 1)
	if got := r.Run(t.Context(), "", "get", "prod", "--force"); got.Status != 6 || got.Stderr != first.Stderr {
		t.Errorf("by force: status %d: %s, want as from memory: %s", got.Status, got.Stderr, first.Stderr)
	}
	want("--force", 2)
	r.Org.ClearFaults()
	r.Org.NewGrant()
	r.Store(t, "prod", r.Org)
	if got := r.Run(t.Context(), "", "get", "prod").Token(t); got != r.Org.AccessToken() {
		t.Error("not the org's token")
	}
	want("store", 3)
	t.Logf("%d processes at once and 21 in a row, dead grant: 1 token request; the crowd ended %v after it", rig.CrowdSize, took.Round(time.Millisecond))
}

// TestLoginRateIsNotHammered: a crowd that finds the login rate exceeded sends four
// requests at most, and each process has its answer soon.
func TestLoginRateIsNotHammered(t *testing.T) {
	r := rig.New(t, orgtest.Config{Rotate: true})
	failAlways(t, r, "login-rate")
	const size = 36
	took := refusedCrowd(t, r, size, 7)
	posts := r.Org.Count(orgtest.Token)
	if posts > 4 {
		t.Errorf("%d token requests, want 4 at most", posts)
	}
	t.Logf("%d processes at once, login rate exceeded: %d token requests; the last answer came %v after the first refusal", size, posts, took.Round(time.Millisecond))
	r.Org.ClearFaults()
	if got := r.Run(t.Context(), "", "get", "prod", "--force").Token(t); got != r.Org.AccessToken() {
		t.Error("not the org's token")
	}
}

// TestRefusedCrowd: who waited gets the holder's refusal; who comes later tries again,
// because an admin may have changed the setting.
func TestRefusedCrowd(t *testing.T) {
	r := rig.New(t, orgtest.Config{Rotate: true, Delay: 3 * time.Second})
	failAlways(t, r, "ip-restricted")
	refusedCrowd(t, r, 8, 8)
	crowd := r.Org.Count(orgtest.Token)
	if crowd > 2 {
		t.Errorf("%d token requests of those who waited, want 1, or 2 on a slow machine", crowd)
	}
	r.Org.ClearFaults()
	if got := r.Run(t.Context(), "", "get", "prod").Token(t); got != r.Org.AccessToken() || r.Org.Count(orgtest.Token) != crowd+1 {
		t.Errorf("after the change: %d token requests, want %d", r.Org.Count(orgtest.Token), crowd+1)
	}
}
