//go:build unix

package transaction

import (
	"os"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestMovedHome: forcecred's folder is moved away, as by an unmount, after the org has
// rotated the refresh token. The folder that was moved has the new token, and no other folder
// is made in its place.
func TestMovedHome(t *testing.T) {
	t.Parallel()
	var move func()
	r := rig.New(t, orgtest.Config{Rotate: true, OnCommit: func() {
		if move != nil {
			move()
		}
	}})
	r.Run(t.Context(), "", "get", "prod").Token(t)
	moved := r.Home + "-moved"
	move = func() {
		move = nil
		if err := os.Rename(r.Home, moved); err != nil {
			t.Error(err)
		}
	}
	got := r.Run(t.Context(), "", "get", "prod", "--force")
	if !strings.Contains(got.Stderr, "it is stored in the journal") {
		t.Errorf("no warning: %s", got.Stderr)
	}
	if _, err := os.Lstat(r.Home); err == nil {
		t.Error("another folder was made in its place")
	}
	if err := os.Rename(moved, r.Home); err != nil {
		t.Fatal(err)
	}
	r.Run(t.Context(), "", "get", "prod", "--force").Token(t)
	if !r.Org.Alive() {
		t.Error("the login is lost")
	}
}
