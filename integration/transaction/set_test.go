package transaction

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/keystore"
)

// byAnotherName returns the org's URL with another host name.
func byAnotherName(org *orgtest.Org) string {
	return strings.Replace(org.URL, "127.0.0.1", "localhost", 1)
}

// wantHost checks the stored login URL of prod, and that the stored refresh token is
// the org's current one.
func wantHost(t *testing.T, r *rig.Rig, host string) {
	t.Helper()
	g, err := keystore.LoadGrant(t.Context(), r.OpenStore(), "prod")
	if err != nil || g.LoginURL != host || g.RefreshToken.Reveal() != r.Org.RefreshToken() || !r.Org.Alive() {
		t.Errorf("prod logs in at %s, want %s; the token is the newest: %v; alive %v; %v", g.LoginURL, host, g.RefreshToken.Reveal() == r.Org.RefreshToken(), r.Org.Alive(), err)
	}
}

// TestSetDuringRefreshes changes the host of an org while other processes refresh it.
// No refresh token is lost or used twice.
func TestSetDuringRefreshes(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true, Delay: 20 * time.Millisecond})
	hosts := []string{r.Org.URL, byAnotherName(r.Org)}
	const size = 20
	var all sync.WaitGroup
	for i := range size {
		all.Go(func() {
			if got := r.Run(t.Context(), "", "set", "prod", "--login-url", hosts[i%2]); got.Status != 0 || got.Stdout != "" || got.Stderr != "" {
				t.Errorf("set: status %d: %s", got.Status, got.Stderr)
			}
		})
		all.Go(func() {
			if got := r.Run(t.Context(), "", "get", "prod", "--force"); got.Status != 0 {
				t.Errorf("get: status %d: %s", got.Status, got.Stderr)
			}
		})
	}
	all.Wait()
	last := hosts[1]
	if got := r.Run(t.Context(), "", "set", "prod", "--login-url", last); got.Status != 0 {
		t.Errorf("status %d: %s", got.Status, got.Stderr)
	}
	wantHost(t, r, last)
	if got := r.Run(t.Context(), "", "get", "prod").Token(t); got != r.Org.AccessToken() {
		t.Error("the token that came with the change is not cached")
	}
}

// TestSetDiskFull: if the disk is full, forcecred sends no refresh token.
func TestSetDiskFull(t *testing.T) {
	t.Parallel()
	disk := rig.SmallDisk(t)
	r := rig.NewIn(t, filepath.Join(disk, "home"), orgtest.Config{Rotate: true})
	free := rig.FillDisk(t, disk)
	got := r.Run(t.Context(), "", "set", "prod", "--login-url", byAnotherName(r.Org))
	if got.Status != 5 || !strings.Contains(got.Stderr, "no space left on device; no refresh token was sent") || r.Org.Count(orgtest.Token) != 0 {
		t.Errorf("status %d after %d requests: %s", got.Status, r.Org.Count(orgtest.Token), got.Stderr)
	}
	free()
	wantHost(t, r, r.Org.URL)
}

// TestSetDiskFullAfterCommit: the disk is full after the org has rotated. The change is
// not stored, the login is not lost, and a retry succeeds.
func TestSetDiskFullAfterCommit(t *testing.T) {
	t.Parallel()
	disk := rig.SmallDisk(t)
	filled := make(chan func(), 1)
	var first sync.Once
	r := rig.NewIn(t, filepath.Join(disk, "home"), orgtest.Config{Rotate: true, OnCommit: func() {
		first.Do(func() { filled <- rig.FillDisk(t, disk) })
	}})
	got := r.Run(t.Context(), "", "set", "prod", "--login-url", byAnotherName(r.Org))
	if got.Status != 5 || !strings.Contains(got.Stderr, "the stored settings are unchanged; the new refresh token is stored in the journal") {
		t.Errorf("status %d: %s", got.Status, got.Stderr)
	}
	free := <-filled
	free()
	if got := r.Run(t.Context(), "", "set", "prod", "--login-url", byAnotherName(r.Org)); got.Status != 0 || got.Stderr != "" {
		t.Errorf("status %d: %s", got.Status, got.Stderr)
	}
	wantHost(t, r, byAnotherName(r.Org))
}

// TestSetAnswerIsCutOff: if an answer is cut off after its refresh token, forcecred
// stores the token with the old settings.
func TestSetAnswerIsCutOff(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	r.Org.FailNext(1, orgtest.Fault{Commit: true, Fields: map[string]any{"instance_url": "http://elsewhere.example"}})
	got := r.Run(t.Context(), "", "set", "prod", "--login-url", byAnotherName(r.Org))
	if got.Status != 8 || !strings.Contains(got.Stderr, "the stored settings are unchanged") {
		t.Errorf("status %d: %s", got.Status, got.Stderr)
	}
	wantHost(t, r, r.Org.URL)
	if got := r.Run(t.Context(), "", "get", "prod", "--force").Token(t); got != r.Org.AccessToken() {
		t.Error("the login is lost")
	}
}
