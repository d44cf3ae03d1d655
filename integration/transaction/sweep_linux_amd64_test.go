package transaction

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/desktop"
	"forcecred/internal/orgtest"
	"forcecred/internal/privatefile"
	"forcecred/internal/systrace"

	"golang.org/x/sys/unix"
)

// sweepVariable makes a sweep take each point. Without it, a sweep takes some of them.
const sweepVariable = "FORCECRED_TEST_SWEEP"

// step returns how many points a sweep goes on at once.
func step(some int) int {
	if os.Getenv(sweepVariable) == "all" {
		return 1
	}
	return some
}

// needWhole skips a sweep that takes many minutes even with few points: each system call of
// pass, its shell and gpg is traced.
func needWhole(t *testing.T) {
	t.Helper()
	if step(2) != 1 {
		t.Skip("it takes many minutes; run it with " + sweepVariable + "=all")
	}
}

// sweepStore is a keystore that the sweeps go through.
type sweepStore struct {
	name       string
	open       func(*testing.T) *sweepRig
	callerStep int // points of the caller's process that a sweep goes on at once
	workerStep int // points of the worker outside the window in which a login can be lost
}

// afterAnswer is how many calls of a worker may lie between the last byte of Salesforce's
// answer and the moment from which on the new refresh token survives the worker.
const afterAnswer = 8

var sweepStores = []sweepStore{
	{name: "file", open: onKeystore("file", nil), callerStep: 4, workerStep: 16},
	{name: "secret-service", open: onKeystore("secret-service", rig.StartGNOMEKeyring), callerStep: 8, workerStep: 48},
	{name: "pass", open: onKeystore("pass", rig.StartPass), callerStep: 24, workerStep: 128},
	{name: "keyctl", open: onKeystore("keyctl", rig.StartKeyCtl), callerStep: 8, workerStep: 48},
	{name: "sf", open: openSalesforceCLI, callerStep: 8, workerStep: 16},
}

// sweepRig is a rig whose org rotates refresh tokens.
type sweepRig struct {
	*rig.Rig
	renew func() // stores a new grant of the org as prod
	sfdx  string // the folder of the Salesforce CLI's logins, or ""

	desktop *desktop.Desktop // or nil
}

// onKeystore returns a function that opens a rig on a keystore.
func onKeystore(name string, start func(*testing.T, *desktop.Desktop)) func(*testing.T) *sweepRig {
	return func(t *testing.T) *sweepRig {
		t.Helper()
		cfg, env := orgtest.Config{Rotate: true}, []string{"FORCECRED_KEYSTORE=" + name, "FORCECRED_KEYRING_TIMEOUT=2m"} // enough for a slow machine
		var d *desktop.Desktop
		var r *rig.Rig
		if start == nil {
			r = rig.NewIn(t, filepath.Join(t.TempDir(), "home"), cfg, env...)
		} else {
			d = rig.NewDesktop(t)
			start(t, d)
			r = rig.NewOn(t, d, cfg, env...)
		}
		t.Cleanup(func() { r.Run(context.Background(), "", "erase", "prod") })
		s := swept(t, r, func() {
			r.Org.NewGrant()
			r.Store(t, "prod", r.Org)
		})
		s.desktop = d
		return s
	}
}

func openSalesforceCLI(t *testing.T) *sweepRig {
	t.Helper()
	r, folder, logIn := newSalesforceCLI(t)
	s := swept(t, r, func() {
		r.Org.NewGrant()
		logIn()
	})
	s.sfdx = folder
	return s
}

func swept(t *testing.T, r *rig.Rig, renew func()) *sweepRig {
	t.Helper()
	r.Killed = true
	r.Run(t.Context(), "", "get", "prod").Token(t)
	return &sweepRig{Rig: r, renew: renew}
}

// next runs the refresh that follows one that was swept.
func (r *sweepRig) next(t *testing.T) rig.Result {
	t.Helper()
	r.expireLocks(t)
	got := r.Run(t.Context(), "", "get", "prod", "--force")
	if got.Status == 5 && r.desktop != nil && strings.Contains(got.Stderr, `the collection "login" is locked`) {
		t.Log("gnome-keyring crashed when its client was killed")
		if err := r.desktop.ReplaceGNOMEKeyring(); err != nil {
			t.Fatal(err)
		}
		got = r.Run(t.Context(), "", "get", "prod", "--force")
	}
	r.removeTemp(t)
	return got
}

// expireLocks makes the locks of the Salesforce CLI that killed processes have left as old
// as they are when others may take them: after 10 seconds.
func (r *sweepRig) expireLocks(t *testing.T) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(r.sfdx, "*.lock"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range left {
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			t.Error(err)
		}
	}
}

// removeTemp removes what killed processes have left: each file would add calls to the
// next process, which looks whether it may sweep it.
func (r *sweepRig) removeTemp(t *testing.T) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(r.Home, "*", privatefile.TempPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range left {
		_ = os.Remove(path)
	}
}

// settle waits until the org has processed what processes that have ended sent to it.
func settle(t *testing.T, r *rig.Rig) {
	t.Helper()
	await(t, "the org processes all requests", r.Org.IsIdle)
}

// role is what a process does in a refresh.
type role int

const (
	isCaller role = iota // the process that the caller started
	isWorker
	isOther // started by one of them: pass, gpg
)

// roles tells the processes of one refresh apart.
type roles struct {
	caller, worker int
}

func (r *roles) of(c systrace.Call) role {
	if r.caller == 0 {
		r.caller = c.PID
	}
	switch {
	case c.PID == r.caller:
		return isCaller
	case r.worker == 0:
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", c.PID))
		if err != nil || string(command) != "forcecred\x00worker\x00" {
			return isOther
		}
		r.worker = c.PID
	}
	if c.PID == r.worker {
		return isWorker
	}
	return isOther
}

// refreshTraced runs a forced refresh and calls act at each system call of its
// processes. It returns when all of them have ended, and when the org has processed what
// they sent. A signal that ended the caller's process gives status -1.
func refreshTraced(t *testing.T, r *rig.Rig, act func(role, systrace.Call) systrace.Action) rig.Result {
	t.Helper()
	cmd := r.Command(context.WithoutCancel(t.Context()), "get", "prod", "--force")
	// Nobody waits for the end of a pipe here: the tracer waits for the processes.
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	cmd.Stderr = stderr
	var processes roles
	status, err := systrace.Run(cmd, func(c systrace.Call) systrace.Action { return act(processes.of(c), c) })
	if errors.Is(err, systrace.ErrNotAllowed) {
		rig.Need(t, false, err.Error())
	} else if err != nil {
		t.Fatal(err)
	}
	settle(t, r)
	said, err := os.ReadFile(stderr.Name())
	if err != nil {
		t.Fatal(err)
	}
	return rig.Result{Status: unix.WaitStatus(status).ExitStatus(), Stderr: string(said)}
}
