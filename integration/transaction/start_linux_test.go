package transaction

import (
	"context"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestSignalsDuringStart: a signal to the process group while forcecred starts its worker
// leaves no process behind. A worker that has begun finishes, with streams of its own.
func TestSignalsDuringStart(t *testing.T) {
	t.Parallel()
	const mark = "FORCECRED_TEST_MARK=start"
	r := rig.New(t, orgtest.Config{Rotate: true})
	r.Killed = true
	r.Env = append(r.Env, mark)
	signals := []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGSYS, syscall.SIGTRAP, syscall.SIGXCPU, syscall.SIGUSR1, syscall.SIGTERM, syscall.SIGINT}
	before := timeUntilWorker(t, r)
	const rounds = 240
	ended := 0
	for round := range rounds {
		sig := signals[round%len(signals)]
		s := strike(t, r, sig, nil, before/2+rand.N(before))
		s.wantWhole(t, round, r.Org)
		if s.signal != 0 || s.Status == goAborted {
			ended++
		}
	}
	await(t, "all processes end", func() bool { return len(rig.ProcessesWith(t, mark)) == 0 })
	r.AwaitSaved(t)
	checkLogin(t, r)
	t.Logf("%d of %d ended by a signal in the %v around the start of the worker; no process left, 0 logins lost", ended, rounds, before)
}

// timeUntilWorker returns a typical time from the start of a refresh to its worker's.
func timeUntilWorker(t *testing.T, r *rig.Rig) time.Duration {
	t.Helper()
	begin := time.Now()
	const rounds = 3
	for range rounds {
		cmd, _, stderr := startForced(t, r)
		rig.WorkerOf(t, cmd.Process.Pid)
		if err := cmd.Wait(); err != nil {
			t.Fatal(err, stderr)
		}
	}
	return time.Since(begin) / rounds / 2
}

// TestStoppedWithTraces: a worker finishes although its caller is stopped and Go's traces
// fill the pipe of its stderr.
func TestStoppedWithTraces(t *testing.T) {
	t.Parallel()
	const delay = 2 * time.Second // 2,000 traces, some MB
	r := rig.New(t, orgtest.Config{Rotate: true, Delay: delay})
	r.Killed = true
	r.Env = append(r.Env, "GODEBUG=schedtrace=1,scheddetail=1")
	cmd := r.Command(context.WithoutCancel(t.Context()), "get", "prod", "--force")
	if err := cmd.Start(); err != nil { // with /dev/null as its stderr
		t.Fatal(err)
	}
	worker := rig.WorkerOf(t, cmd.Process.Pid)
	r.AwaitTokenRequests(t, 1)
	send(t, cmd.Process.Pid, syscall.SIGSTOP)
	await(t, "the org is asked", func() bool { return r.Org.Commits() == 1 })
	r.AwaitSaved(t)
	send(t, cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Wait()
	await(t, "the worker ends", func() bool { return hasEnded(worker) })
	r.Env = r.Env[:len(r.Env)-1]
	checkLogin(t, r)
}
