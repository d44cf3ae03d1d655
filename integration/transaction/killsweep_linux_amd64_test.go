package transaction

import (
	"testing"

	"forcecred/integration/internal/rig"
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

// killAt runs a forced refresh and kills the process that the caller started at its
// n-th lasting call. It reports false if the refresh ended before.
func killAt(t *testing.T, r *rig.Rig, n int) (call int, killed bool) {
	t.Helper()
	calls := 0
	got := refreshTraced(t, r, func(from role, c systrace.Call) systrace.Action {
		if from != isCaller || !lasting[c.Number] {
			return systrace.Action{}
		}
		if calls++; calls != n {
			return systrace.Action{}
		}
		call, killed = c.Number, true
		return systrace.Action{Kill: true}
	})
	if (got.Status == -1) != killed {
		t.Fatalf("point %d: status %d: %s", n, got.Status, got.Stderr)
	}
	return call, killed
}

// TestKillSweep kills the process that the caller started at each lasting call of one
// refresh. No login is lost: its worker goes on, or has not sent the refresh token. It
// takes some of the calls; with FORCECRED_TEST_SWEEP=all it takes each one.
func TestKillSweep(t *testing.T) {
	for _, store := range sweepStores {
		t.Run(store.name, func(t *testing.T) {
			r := store.open(t)
			points := 0
			for n := 1; ; n += step(store.callerStep) {
				call, killed := killAt(t, r.Rig, n)
				if !killed {
					break
				}
				points++
				if got := r.next(t); got.Status != 0 || !r.Org.Alive() {
					t.Fatalf("the login is lost at call %d (system call %d): status %d: %s", n, call, got.Status, got.Stderr)
				}
			}
			if points < 5 {
				t.Errorf("only %d points", points)
			}
			t.Logf("killed at %d points, 0 logins lost", points)
		})
	}
}
