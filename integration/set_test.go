package integration

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"forcecred/internal/orgtest"
	"forcecred/keystore"
)

// byAnotherName is how the org can be reached besides its own URL: as another host.
func byAnotherName(org *orgtest.Org) string {
	return strings.Replace(org.URL, "127.0.0.1", "localhost", 1)
}

// wantHost checks where the keystore says that prod logs in, and that the stored
// refresh token is the org's newest.
func (r *rig) wantHost(t *testing.T, host string) {
	t.Helper()
	g, err := keystore.LoadGrant(t.Context(), r.openStore(), "prod")
	if err != nil || g.LoginURL != host || g.RefreshToken.Reveal() != r.org.RefreshToken() || !r.org.Alive() {
		t.Errorf("prod logs in at %s, want %s; the token is the newest: %v; alive %v; %v", g.LoginURL, host, g.RefreshToken.Reveal() == r.org.RefreshToken(), r.org.Alive(), err)
	}
}

// TestSetCrowd: orgs are moved to and fro while others refresh, and none of the
// refresh tokens is lost or spent twice.
func TestSetCrowd(t *testing.T) {
	t.Parallel()
	r := newRig(t, orgtest.Config{Rotate: true, Delay: 20 * time.Millisecond})
	hosts := []string{r.org.URL, byAnotherName(r.org)}
	const size = 20
	var all sync.WaitGroup
	for i := range size {
		all.Go(func() {
			if got := r.run(t.Context(), "", "set", "prod", "--login-url", hosts[i%2]); got.status != 0 || got.stdout != "" || got.stderr != "" {
				t.Errorf("set: status %d: %s", got.status, got.stderr)
			}
		})
		all.Go(func() {
			if got := r.run(t.Context(), "", "get", "prod", "--force"); got.status != 0 {
				t.Errorf("get: status %d: %s", got.status, got.stderr)
			}
		})
	}
	all.Wait()
	last := hosts[1]
	if got := r.run(t.Context(), "", "set", "prod", "--login-url", last); got.status != 0 {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
	r.wantHost(t, last)
	if got := r.run(t.Context(), "", "get", "prod").token(t); got != r.org.AccessToken() {
		t.Error("the token that came with the change is not cached")
	}
}

// TestSetDiskFull: nothing is spent that the disk could not take.
func TestSetDiskFull(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	r := newRigIn(t, filepath.Join(disk, "home"), orgtest.Config{Rotate: true})
	free := fill(t, disk)
	got := r.run(t.Context(), "", "set", "prod", "--login-url", byAnotherName(r.org))
	if got.status != 5 || !strings.Contains(got.stderr, "no space left on device; nothing was spent") || r.org.Count(orgtest.Token) != 0 {
		t.Errorf("status %d after %d requests: %s", got.status, r.org.Count(orgtest.Token), got.stderr)
	}
	free()
	r.wantHost(t, r.org.URL)
}

// TestSetDiskFullAfterCommit: the disk fills up just when the org has rotated. The
// change is not stored, the login is not lost, and the next try does it.
func TestSetDiskFullAfterCommit(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	filled := make(chan func(), 1)
	var first sync.Once
	r := newRigIn(t, filepath.Join(disk, "home"), orgtest.Config{Rotate: true, OnCommit: func() {
		first.Do(func() { filled <- fill(t, disk) })
	}})
	got := r.run(t.Context(), "", "set", "prod", "--login-url", byAnotherName(r.org))
	if got.status != 5 || !strings.Contains(got.stderr, "the stored settings are unchanged; the new refresh token is sealed in the journal") {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
	free := <-filled
	free()
	if got := r.run(t.Context(), "", "set", "prod", "--login-url", byAnotherName(r.org)); got.status != 0 || got.stderr != "" {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
	r.wantHost(t, byAnotherName(r.org))
}

// TestSetAnswerIsCutOff: the refresh token that came before the cut is stored with
// the old settings.
func TestSetAnswerIsCutOff(t *testing.T) {
	t.Parallel()
	r := newRig(t, orgtest.Config{Rotate: true})
	r.org.FailNext(1, orgtest.Fault{Commit: true, Fields: map[string]any{"instance_url": "http://elsewhere.example"}})
	got := r.run(t.Context(), "", "set", "prod", "--login-url", byAnotherName(r.org))
	if got.status != 8 || !strings.Contains(got.stderr, "the stored settings are unchanged") {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
	r.wantHost(t, r.org.URL)
	if got := r.run(t.Context(), "", "get", "prod", "--force").token(t); got != r.org.AccessToken() {
		t.Error("the login is lost")
	}
}
