package transaction

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/internal/systrace"

	"golang.org/x/sys/unix"
)

// enoughThreads is more than a worker uses at once after it has sent the refresh token.
const enoughThreads = 12

// TestThreadLimit: the runtime of Go aborts a process that gets no more threads, as where
// the user, the container or the service may have no more. So a worker has all that it
// needs before it sends the refresh token, and makes none from then on.
func TestThreadLimit(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	r.Run(t.Context(), "", "get", "prod").Token(t)
	before := r.Org.Commits()
	first, threads, refused := 0, 0, 0
	status, err := systrace.Run(r.Command(context.WithoutCancel(t.Context()), "get", "prod", "--force"), func(c systrace.Call) systrace.Action {
		if first == 0 {
			first = c.PID
		}
		if c.PID == first || r.Org.Commits() == before {
			return systrace.Action{}
		}
		if threads == 0 {
			tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", c.PID))
			if err != nil {
				t.Error(err)
			}
			threads = len(tasks)
		}
		if c.Number == unix.SYS_CLONE || c.Number == unix.SYS_CLONE3 {
			refused++
			return systrace.Action{Fail: unix.EAGAIN}
		}
		return systrace.Action{}
	})
	if errors.Is(err, systrace.ErrNotAllowed) {
		rig.Need(t, false, err.Error())
	} else if err != nil {
		t.Fatal(err)
	}
	if status.ExitStatus() != 0 || threads < enoughThreads {
		t.Errorf("status %d, %d threads after the commit, want at least %d", status.ExitStatus(), threads, enoughThreads)
	}
	checkLogin(t, r)
	t.Logf("%d threads after the commit, %d more were refused", threads, refused)
}
