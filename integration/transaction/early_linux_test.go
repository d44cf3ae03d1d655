package transaction

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// hangingPass is a program that runs pass, and does not end while there is a file hang.
const hangingPass = `#!/bin/sh
while [ -e "$HOME/hang" ]; do sleep 0.05; done
exec "$REAL_PASS" "$@"
`

// TestAnswerWhileKeyringHangs: a caller has its answer while a keyring hangs after
// Salesforce's answer, and the worker goes on.
func TestAnswerWhileKeyringHangs(t *testing.T) {
	t.Parallel()
	d := rig.NewDesktop(t)
	rig.StartPass(t, d)
	real, err := exec.LookPath("pass")
	if err != nil {
		t.Fatal(err)
	}
	programs := t.TempDir()
	if err := os.WriteFile(filepath.Join(programs, "pass"), []byte(hangingPass), 0o700); err != nil {
		t.Fatal(err)
	}
	hang := filepath.Join(d.Home, "hang")
	var hangs atomic.Bool
	r := rig.NewOn(t, d, orgtest.Config{Rotate: true, OnCommit: func() {
		if hangs.Load() {
			if err := os.WriteFile(hang, nil, 0o600); err != nil {
				t.Error(err)
			}
		}
	}}, "FORCECRED_KEYSTORE=pass", "REAL_PASS="+real, "PATH="+programs+":"+os.Getenv("PATH"))
	r.Killed = true
	r.Run(t.Context(), "", "get", "prod").Token(t)
	hangs.Store(true)
	cmd, stdout, stderr := startForced(t, r)
	worker := rig.WorkerOf(t, cmd.Process.Pid)
	_ = cmd.Wait()
	answered := time.Now()
	got := rig.Result{Status: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
	if got.Token(t) != r.Org.AccessToken() {
		t.Error("not the org's newest token")
	}
	if got.Stderr != "" || hasEnded(worker) {
		t.Errorf("the caller waited for the keyring: %s", got.Stderr)
	}
	info, err := os.Stat(hang)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("answered %v after the keyring began to hang", answered.Sub(info.ModTime()))
	hangs.Store(false)
	if err := os.Remove(hang); err != nil {
		t.Fatal(err)
	}
	await(t, "the worker ends", func() bool { return hasEnded(worker) })
	checkLogin(t, r)
}
