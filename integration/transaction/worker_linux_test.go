package transaction

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// startForced starts a forced refresh whose stdout and stderr are what is returned.
func startForced(t *testing.T, r *rig.Rig, args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	cmd = r.Command(context.WithoutCancel(t.Context()), append([]string{"get", "prod", "--force"}, args...)...)
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, stdout, stderr
}

func send(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
}

// await waits until it is so.
func await(t *testing.T, what string, isSo func() bool) {
	t.Helper()
	for begin := time.Now(); !isSo(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > rig.Timeout {
			t.Fatal("timeout: ", what)
		}
	}
}

func hasEnded(pid int) bool { return syscall.Kill(pid, 0) != nil }

// TestWorkerKilled: a worker that is killed while the token is in flight is reported as an
// outcome that nobody knows, and no caller waits for it.
func TestWorkerKilled(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Delay: time.Second})
	r.Killed = true
	cmd, stdout, stderr := startForced(t, r)
	worker := rig.WorkerOf(t, cmd.Process.Pid)
	r.AwaitTokenRequests(t, 1)
	send(t, worker, syscall.SIGKILL)
	_ = cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 7 || stdout.Len() > 0 || !strings.Contains(stderr.String(), "the refresh worker ended without an answer (signal: killed)") ||
		!strings.Contains(stderr.String(), "hint: it is unknown whether Salesforce rotated the refresh token") {
		t.Errorf("status %d: %s%s", status, stdout, stderr)
	}
}

// TestWorkerHoldsNothing: a caller that reads to the end of its pipes does not wait
// for the worker of a forcecred that it has killed, and a descriptor that a shell left
// open is not held either.
func TestWorkerHoldsNothing(t *testing.T) {
	t.Parallel()
	const delay = 20 * time.Second
	r := rig.New(t, orgtest.Config{Rotate: true, Delay: delay})
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	cmd := r.Command(context.WithoutCancel(t.Context()), "get", "prod", "--force")
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = writer, writer, []*os.File{writer}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = writer.Close()
	worker := rig.WorkerOf(t, cmd.Process.Pid)
	r.AwaitTokenRequests(t, 1)
	if hasEnded(worker) {
		t.Fatal("the worker has ended")
	}
	send(t, cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Wait()
	if out, err := io.ReadAll(reader); err != nil || len(out) > 0 {
		t.Errorf("%q, %v", out, err)
	}
	if hasEnded(worker) {
		t.Error("the pipe was open until the worker ended")
	}
	r.AwaitSaved(t)
	await(t, "the worker ends", func() bool { return hasEnded(worker) })
}

// TestWorkerWithoutCaller: a worker that waits for the lock does not outlive its caller.
func TestWorkerWithoutCaller(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	lock, err := r.OpenStore().Lock(t.Context(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	cmd, _, _ := startForced(t, r)
	worker := rig.WorkerOf(t, cmd.Process.Pid)
	send(t, cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Wait()
	await(t, "the worker ends", func() bool { return hasEnded(worker) })
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
	if posts := r.Org.Count(orgtest.Token); posts != 0 {
		t.Errorf("%d token requests, want 0", posts)
	}
}

// TestStopped: a process that is stopped, as by Ctrl-Z, delays no refresh, and has its
// answer when it goes on.
func TestStopped(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true, Delay: time.Second})
	cmd, stdout, stderr := startForced(t, r)
	r.AwaitTokenRequests(t, 1) // before, the worker may not have its request yet
	send(t, cmd.Process.Pid, syscall.SIGSTOP)
	await(t, "the org is asked", func() bool { return r.Org.Commits() == 1 })
	r.AwaitSaved(t)
	send(t, cmd.Process.Pid, syscall.SIGCONT)
	_ = cmd.Wait()
	got := rig.Result{Status: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
	if got.Token(t) != r.Org.AccessToken() {
		t.Error("not the org's newest token")
	}
}

// TestNoProcesses: if no worker can be started, nothing is sent.
func TestNoProcesses(t *testing.T) {
	t.Parallel()
	rig.NeedTool(t, "sh")
	r := rig.New(t, orgtest.Config{Rotate: true})
	cached := r.Run(t.Context(), "", "get", "prod").Token(t)
	for _, tt := range []struct {
		args   string
		status int
	}{{"get prod", 0}, {"get prod --force", 7}} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -n 9; exec "$0" $1`, rig.Binary, tt.args)
		cmd.Env = r.Env
		got := rig.Finish(cmd)
		if got.Status != tt.status && got.Status != 5 {
			t.Errorf("%s: status %d: %s", tt.args, got.Status, got.Stderr)
		}
	}
	if r.Org.Count(orgtest.Token) != 1 || r.Run(t.Context(), "", "get", "prod").Token(t) != cached {
		t.Errorf("%d token requests", r.Org.Count(orgtest.Token))
	}
}

// checkLogin refreshes with what is stored.
func checkLogin(t *testing.T, r *rig.Rig) {
	t.Helper()
	if got := r.Run(t.Context(), "", "get", "prod", "--force"); got.Status != 0 || !r.Org.Alive() {
		t.Errorf("the login is lost: status %d: %s", got.Status, got.Stderr)
	}
}
