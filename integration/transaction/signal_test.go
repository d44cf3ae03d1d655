//go:build unix

package transaction

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/internal/privatefile"
	"forcecred/protocol"
)

// struck is the outcome of a refresh that got a signal.
type struck struct {
	signal syscall.Signal // the signal that ended it, or 0
	rig.Result
}

// outputs are the standard output and error of a process, in files: a process that it has
// left behind may hold them open (docs/decisions/0028), and nobody waits for the end of a
// file.
type outputs struct{ stdout, stderr *os.File }

// captureOutputs gives cmd new outputs.
func captureOutputs(t *testing.T, cmd *exec.Cmd) outputs {
	t.Helper()
	var o outputs
	for _, file := range []**os.File{&o.stdout, &o.stderr} {
		var err error
		if *file, err = os.CreateTemp(t.TempDir(), ""); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Stdout, cmd.Stderr = o.stdout, o.stderr
	return o
}

// read returns what was written, and closes and removes the files.
func (o outputs) read(t *testing.T) (stdout, stderr string) {
	t.Helper()
	var texts [2]string
	for i, file := range []*os.File{o.stdout, o.stderr} {
		text, err := os.ReadFile(file.Name())
		if err := errors.Join(err, file.Close(), os.Remove(file.Name())); err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	return texts[0], texts[1]
}

// strike runs a forced refresh in a process group of its own and sends sig to the whole
// group after a delay. The delay begins when at is
// closed, or at once if at is nil.
func strike(t *testing.T, r *rig.Rig, sig syscall.Signal, at <-chan struct{}, after time.Duration) struck {
	t.Helper()
	cmd := r.Command(context.WithoutCancel(t.Context()), "get", "prod", "--force")
	outputs := captureOutputs(t, cmd)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		if err := cmd.Wait(); errors.Is(err, exec.ErrWaitDelay) {
			t.Errorf("%v left a process behind that holds the streams", sig)
		}
		close(done)
	}()
	if at != nil {
		select {
		case <-at:
		case <-done: // the worker of a process that was struck before has refreshed
		case <-time.After(rig.Timeout):
			t.Error("the org was not asked")
		}
	}
	time.Sleep(after)
	if err := syscall.Kill(-cmd.Process.Pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Error(err)
	}
	select {
	case <-done:
	case <-time.After(rig.Timeout):
		_ = cmd.Process.Kill()
		t.Fatalf("%v does not end it", sig)
	}
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	stdout, stderr := outputs.read(t)
	s := struck{Result: rig.Result{Status: status.ExitStatus(), Stdout: stdout, Stderr: stderr}}
	if status.Signaled() {
		s.signal = status.Signal()
	}
	return s
}

// typical returns the typical duration of a forced refresh.
func typical(t *testing.T, r *rig.Rig) time.Duration {
	t.Helper()
	begin := time.Now()
	const rounds = 5
	for range rounds {
		r.Run(t.Context(), "", "get", "prod", "--force").Token(t)
	}
	return time.Since(begin) / rounds
}

// goAborted is the status of a Go program that SIGQUIT or SIGABRT ends.
const goAborted = 2

// wantWhole checks that an answer is complete or empty.
func (s struck) wantWhole(t *testing.T, round int, org *orgtest.Org) {
	t.Helper()
	switch {
	case s.Stdout == "" && s.signal == 0 && s.Status != goAborted:
		t.Errorf("round %d: neither an answer nor a signal: status %d: %s", round, s.Status, s.Stderr)
	case s.Stdout != "":
		c, err := protocol.DecodeCredential(strings.NewReader(s.Stdout))
		if err != nil || c.AccessToken.Reveal() != org.AccessToken() {
			t.Errorf("round %d: stdout has something else than the org's token: %v", round, err)
		}
	}
	if s.signal == 0 && s.Status != 0 && s.Status != goAborted {
		t.Errorf("round %d: status %d: %s", round, s.Status, s.Stderr)
	}
}

// TestSignals: a signal during a refresh loses no login. Go's runtime sometimes crashes by
// SIGSEGV while it prints the stacks of goroutines that still run, after SIGQUIT or SIGABRT.
func TestSignals(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	typical := typical(t, r)
	const rounds = 200
	signals := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGKILL}
	before := r.Org.Commits()
	ended, answered, saved := 0, 0, 0
	for round := range rounds {
		commits := r.Org.Commits()
		r.Org.ClearFaults()
		r.Org.FailNext(1, orgtest.Fault{Delay: rand.N(20 * time.Millisecond), AnswerDelay: rand.N(20 * time.Millisecond)})
		sig := signals[round%len(signals)]
		s := strike(t, r, sig, nil, rand.N(typical+60*time.Millisecond))
		s.wantWhole(t, round, r.Org)
		if s.signal != 0 && s.signal != sig && !(s.signal == syscall.SIGSEGV && strings.HasPrefix(s.Stderr, "SIG")) {
			t.Errorf("round %d: ended by %v, sent was %v", round, s.signal, sig)
		}
		if s.signal != 0 || s.Status == goAborted {
			ended++
			if r.Org.Commits() > commits {
				saved++
			}
		} else {
			answered++
		}
		r.AwaitSaved(t)
	}
	r.Org.ClearFaults()
	if r.Run(t.Context(), "", "get", "prod", "--force").Token(t); !r.Org.Alive() {
		t.Error("the grant is dead")
	}
	t.Logf("%d refreshes struck by SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGABRT or SIGKILL: %d ended by it, %d of them after the org had rotated and the token was saved; %d answered; %d rotations, 0 grants lost",
		rounds, ended, saved, answered, r.Org.Commits()-before-1)
}

// TestKill: SIGKILL of the process that the caller started loses no login, because the
// refresh token is in its worker.
func TestKill(t *testing.T) {
	t.Parallel()
	committed := make(chan struct{}, 1)
	r := rig.New(t, orgtest.Config{Rotate: true, OnCommit: func() {
		select {
		case committed <- struct{}{}:
		default:
		}
	}})
	r.Killed = true
	typical := typical(t, r)
	const rounds = 300
	ended, aimed := 0, 0
	for round := range rounds {
		drain(committed)
		// Two thirds at a random time, one third near the commit.
		var at <-chan struct{}
		after := rand.N(typical + typical/2)
		if round%3 == 0 {
			at, after = committed, rand.N(typical/2)
			aimed++
		}
		s := strike(t, r, syscall.SIGKILL, at, after)
		s.wantWhole(t, round, r.Org)
		if s.signal != 0 {
			ended++
		}
		r.AwaitSaved(t)
	}
	// It fails if a lock is still held.
	if r.Run(t.Context(), "", "get", "prod", "--force").Token(t); !r.Org.Alive() {
		t.Error("the grant is dead")
	}
	wantNoLeftovers(t, r)
	t.Logf("%d refreshes struck by SIGKILL: %d ended by it, nothing torn, no lock held; %d were aimed at the moment after the org's commit; 0 grants lost",
		rounds, ended, aimed)
}

func drain(c chan struct{}) {
	select {
	case <-c:
	default:
	}
}

// wantNoLeftovers checks that a refresh deletes the temporary files of killed processes
// once they are older than any write takes.
func wantNoLeftovers(t *testing.T, r *rig.Rig) {
	t.Helper()
	old := time.Now().Add(-2 * privatefile.TempMaxAge)
	left := 0
	err := filepath.WalkDir(r.Home, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(entry.Name(), privatefile.TempPrefix) {
			left++
			return os.Chtimes(path, old, old)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Run(t.Context(), "", "get", "prod", "--force").Token(t)
	var files []string
	for _, folder := range []string{"store", "tmp", "journal", "journal/file", "locks", "."} {
		entries, err := os.ReadDir(filepath.Join(r.Home, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if !entry.IsDir() {
				files = append(files, filepath.Join(folder, entry.Name()))
			}
		}
	}
	if want := "store/journal.prod.age store/org.prod.age store/token.prod.age locks/prod.lock config.json config.json.lock identity.txt identity.txt.lock"; strings.Join(files, " ") != want {
		t.Errorf("files are %q, want %q", files, want)
	}
	t.Logf("%d temporary files were left behind, and swept by the next refresh a minute later", left)
}
