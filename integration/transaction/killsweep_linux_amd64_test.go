package transaction

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/desktop"
	"forcecred/internal/orgtest"
	"forcecred/internal/privatefile"
	"forcecred/internal/systrace"

	"golang.org/x/sys/unix"
)

// lasting are the system calls that reach a file, a socket or another process. A
// process that dies at any other one has done what it did at the lasting one before.
var lasting = map[int]bool{
	unix.SYS_READ: true, unix.SYS_WRITE: true, unix.SYS_PREAD64: true, unix.SYS_PWRITE64: true, unix.SYS_READV: true, unix.SYS_WRITEV: true,
	unix.SYS_OPENAT: true, unix.SYS_CLOSE: true, unix.SYS_FSYNC: true, unix.SYS_FDATASYNC: true, unix.SYS_FTRUNCATE: true, unix.SYS_FALLOCATE: true,
	unix.SYS_RENAME: true, unix.SYS_RENAMEAT: true, unix.SYS_RENAMEAT2: true, unix.SYS_LINKAT: true, unix.SYS_UNLINK: true, unix.SYS_UNLINKAT: true,
	unix.SYS_MKDIR: true, unix.SYS_MKDIRAT: true, unix.SYS_RMDIR: true, unix.SYS_CHMOD: true, unix.SYS_FCHMOD: true, unix.SYS_FCHMODAT: true, unix.SYS_FLOCK: true,
	unix.SYS_STAT: true, unix.SYS_FSTAT: true, unix.SYS_LSTAT: true, unix.SYS_NEWFSTATAT: true, unix.SYS_GETDENTS64: true, unix.SYS_UTIMENSAT: true,
	unix.SYS_SOCKET: true, unix.SYS_CONNECT: true, unix.SYS_SENDTO: true, unix.SYS_RECVFROM: true, unix.SYS_SENDMSG: true, unix.SYS_RECVMSG: true, unix.SYS_SHUTDOWN: true, unix.SYS_SETSOCKOPT: true,
	unix.SYS_ADD_KEY: true, unix.SYS_KEYCTL: true, unix.SYS_REQUEST_KEY: true,
	unix.SYS_CLONE: true, unix.SYS_CLONE3: true, unix.SYS_VFORK: true, unix.SYS_FORK: true, unix.SYS_EXECVE: true, unix.SYS_WAIT4: true, unix.SYS_WAITID: true, unix.SYS_KILL: true, unix.SYS_PIPE2: true,
	unix.SYS_EXIT_GROUP: true,
}

// point is a moment at which a refresh was killed.
type point struct {
	n, call   int
	committed bool // the org had rotated the refresh token
}

// killAt runs a forced refresh and kills the process that the caller started at its
// n-th lasting call. It reports false if the refresh ended before.
func killAt(t *testing.T, r *rig.Rig, n int) (point, bool) {
	t.Helper()
	cmd := r.Command(context.WithoutCancel(t.Context()), "get", "prod", "--force")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	p := point{n: n}
	calls, first, killed := 0, 0, false
	before := r.Org.Commits()
	status, err := systrace.Run(cmd, func(c systrace.Call) systrace.Action {
		if first == 0 {
			first = c.PID
		}
		if c.PID != first || !lasting[c.Number] {
			return systrace.Action{}
		}
		if calls++; calls != n {
			return systrace.Action{}
		}
		p.call, killed = c.Number, true
		return systrace.Action{Kill: true}
	})
	if errors.Is(err, systrace.ErrNotAllowed) {
		rig.Need(t, false, err.Error())
	} else if err != nil {
		t.Fatal(err)
	}
	if status.Signaled() != killed {
		t.Fatalf("point %d: status %#x: %s", n, int(status), stderr.String())
	}
	settle(r)
	p.committed = r.Org.Commits() > before
	return p, killed
}

// removeTemp removes what killed processes have left: each one would add calls to the
// next process, which looks whether it may sweep them.
func removeTemp(t *testing.T, home string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(home, "*", privatefile.TempPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range left {
		_ = os.Remove(path)
	}
}

// TestKillSweep kills the process that the caller started at each lasting call of one
// refresh. No login is lost: its worker goes on, or has not sent the refresh token. With
// age files it takes each call, with keyrings every fourth, with pass every eighth; with FORCECRED_TEST_SWEEP=all
// it takes each one.
func TestKillSweep(t *testing.T) {
	for _, tt := range []struct {
		keystore string
		start    func(*testing.T, *desktop.Desktop)
		step     int
	}{
		{"file", nil, 1},
		{"secret-service", rig.StartGNOMEKeyring, 4},
		{"pass", rig.StartPass, 8},
		{"keyctl", rig.StartKeyCtl, 4},
	} {
		t.Run(tt.keystore, func(t *testing.T) {
			var env []string
			home := filepath.Join(t.TempDir(), "home")
			if tt.start != nil {
				d := rig.NewDesktop(t)
				tt.start(t, d)
				env = append(d.Env, "FORCECRED_KEYSTORE="+tt.keystore)
				home = filepath.Join(d.Home, "forcecred")
			}
			if os.Getenv(sweepVariable) == "all" {
				tt.step = 1
			}
			r := rig.NewIn(t, home, orgtest.Config{Rotate: true}, env...)
			t.Cleanup(func() { r.Run(context.Background(), "", "erase", "prod") })
			r.Killed = true
			r.Run(t.Context(), "", "get", "prod").Token(t)
			points := 0
			for n := 1; ; n += tt.step {
				p, killed := killAt(t, r, n)
				if !killed {
					break
				}
				points++
				if got := r.Run(t.Context(), "", "get", "prod", "--force"); got.Status != 0 || !r.Org.Alive() {
					t.Fatalf("the login is lost at call %d (system call %d, the org had rotated: %v): status %d: %s", n, p.call, p.committed, got.Status, got.Stderr)
				}
				removeTemp(t, home)
			}
			if points < 10 {
				t.Errorf("only %d points", points)
			}
			t.Logf("killed at %d points, 0 logins lost", points)
		})
	}
}
