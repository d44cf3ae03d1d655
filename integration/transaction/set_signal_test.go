//go:build unix

package transaction

import (
	"syscall"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestSetInterrupted: forcecred set handles a signal after it has stored the change that
// it began at Salesforce.
func TestSetInterrupted(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true, Delay: 300 * time.Millisecond})
	cmd := r.Command(t.Context(), "set", "prod", "--login-url", byAnotherName(r.Org))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for r.Org.Count(orgtest.Token) == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the signal ended it, or it succeeded just before
	r.AwaitSaved(t)
	wantHost(t, r, byAnotherName(r.Org))
}
