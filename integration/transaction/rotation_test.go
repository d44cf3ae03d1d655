package transaction

import (
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestRotationThatBeginsLater: forcecred has seen that the org does not rotate. Then an
// admin turns rotation on, and the next refresh meets a full disk or a broken network.
func TestRotationThatBeginsLater(t *testing.T) {
	t.Parallel()
	t.Run("full disk", func(t *testing.T) {
		t.Parallel()
		disk := rig.SmallDisk(t)
		filled := make(chan func(), 1)
		fill := sync.OnceFunc(func() { filled <- rig.FillDisk(t, disk) })
		var rotates atomic.Bool
		r := rig.NewIn(t, filepath.Join(disk, "home"), orgtest.Config{OnCommit: func() {
			if rotates.Load() {
				fill()
			}
		}})
		r.Run(t.Context(), "", "get", "prod").Token(t)
		r.Org.StartRotating()
		rotates.Store(true)
		got := r.Run(t.Context(), "", "get", "prod", "--force")
		if got.Token(t); !strings.Contains(got.Stderr, "it is stored in the journal") {
			t.Errorf("stderr: %s", got.Stderr)
		}
		(<-filled)()
		if r.Run(t.Context(), "", "get", "prod", "--force").Token(t); !r.Org.Alive() || r.Org.Count(orgtest.Token) != 3 {
			t.Errorf("the login is lost, or %d posts", r.Org.Count(orgtest.Token))
		}
	})
	for _, name := range []string{"reset-after-commit", "truncated-after-commit", "500-after-commit"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fault, ok := orgtest.FaultNamed(name)
			if !ok {
				fault = orgtest.Fault{Status: 500, Body: []byte{}, Commit: true}
			}
			r := rig.New(t, orgtest.Config{HTTP1: true})
			r.Run(t.Context(), "", "get", "prod").Token(t)
			r.Org.StartRotating()
			r.Org.FailNext(1, fault)
			got := r.Run(t.Context(), "", "get", "prod", "--force")
			// The org has replaced the token, and its answer does not have the next one.
			if posts := r.Org.Count(orgtest.Token); got.Status != 7 || posts != 2 || !strings.Contains(got.Stderr, "it is unknown whether Salesforce rotated the refresh token") {
				t.Errorf("status %d after %d posts, want 7 after 2: %s", got.Status, posts, got.Stderr)
			}
		})
	}
}
