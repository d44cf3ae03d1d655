package transaction

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/internal/systrace"

	"golang.org/x/sys/unix"
)

var (
	readingCalls = map[int]bool{
		unix.SYS_READ: true, unix.SYS_PREAD64: true, unix.SYS_GETDENTS64: true, unix.SYS_FSTAT: true, unix.SYS_NEWFSTATAT: true, unix.SYS_STAT: true, unix.SYS_LSTAT: true,
	}
	writingCalls = map[int]bool{
		unix.SYS_WRITE: true, unix.SYS_PWRITE64: true, unix.SYS_FSYNC: true, unix.SYS_FDATASYNC: true, unix.SYS_FTRUNCATE: true, unix.SYS_FALLOCATE: true,
		unix.SYS_RENAME: true, unix.SYS_RENAMEAT: true, unix.SYS_RENAMEAT2: true, unix.SYS_LINKAT: true, unix.SYS_UNLINK: true, unix.SYS_UNLINKAT: true,
		unix.SYS_MKDIR: true, unix.SYS_MKDIRAT: true, unix.SYS_CHMOD: true, unix.SYS_FCHMOD: true, unix.SYS_FCHMODAT: true, unix.SYS_UTIMENSAT: true,
	}
	// descriptorCalls are the calls whose first argument is a file that is open.
	descriptorCalls = map[int]bool{
		unix.SYS_READ: true, unix.SYS_PREAD64: true, unix.SYS_GETDENTS64: true, unix.SYS_FSTAT: true,
		unix.SYS_WRITE: true, unix.SYS_PWRITE64: true, unix.SYS_FSYNC: true, unix.SYS_FDATASYNC: true, unix.SYS_FTRUNCATE: true, unix.SYS_FALLOCATE: true, unix.SYS_FCHMOD: true,
	}
)

// canFail reports whether a call of a file system may return the error.
func canFail(c systrace.Call, with syscall.Errno) bool {
	if descriptorCalls[c.Number] {
		path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", c.PID, c.Args[0]))
		if err != nil || !filepath.IsAbs(path) || strings.HasPrefix(path, "/proc/") || strings.HasPrefix(path, "/sys/") || strings.HasPrefix(path, "/dev/") {
			return false // a socket, a pipe, or not of a disk
		}
	}
	if c.Number == unix.SYS_OPENAT {
		path, err := c.Peek(1)
		if err == nil && (bytes.HasPrefix(path[:], []byte("/proc/")) || bytes.HasPrefix(path[:], []byte("/sys/"))) {
			return false
		}
	}
	isWriting := writingCalls[c.Number] || c.Number == unix.SYS_OPENAT && c.Args[2]&(unix.O_CREAT|unix.O_WRONLY|unix.O_RDWR) != 0
	switch with {
	case unix.EMFILE:
		return c.Number == unix.SYS_OPENAT || c.Number == unix.SYS_SOCKET || c.Number == unix.SYS_PIPE2
	case unix.EIO:
		return isWriting || readingCalls[c.Number] || c.Number == unix.SYS_OPENAT
	default:
		return isWriting
	}
}

// failAt runs a forced refresh whose worker gets an error at its n-th call that can have
// it, or from that one on. It reports false if the worker made fewer calls.
func failAt(t *testing.T, r *rig.Rig, n int, with syscall.Errno, fromThere bool) (got rig.Result, isAfterCommit, failed bool) {
	t.Helper()
	calls := 0
	before := r.Org.Commits()
	got = refreshTraced(t, r, func(from role, c systrace.Call) systrace.Action {
		if from != isWorker || !canFail(c, with) {
			return systrace.Action{}
		}
		if calls++; calls != n && (!fromThere || calls < n) {
			return systrace.Action{}
		}
		if !failed {
			failed, isAfterCommit = true, r.Org.Commits() > before
		}
		return systrace.Action{Fail: with}
	})
	return got, isAfterCommit, failed
}

// TestErrorSweep lets a refresh meet an error of the file system at each call once, and at
// each call and all later ones. A login is lost only if neither the keystore nor the
// journal can be written after the org has rotated, and then forcecred says so.
func TestErrorSweep(t *testing.T) {
	errnos := []syscall.Errno{unix.ENOSPC, unix.EIO, unix.EROFS, unix.EDQUOT, unix.EMFILE}
	for i, with := range errnos {
		for _, fromThere := range []bool{false, true} {
			name := fmt.Sprintf("%s once", unix.ErrnoName(with))
			if fromThere {
				name = unix.ErrnoName(with) + " from there on"
			}
			t.Run(name, func(t *testing.T) {
				r := onKeystore("file", nil)(t)
				points, said := 0, 0
				first := 1 + i%step(len(errnos)) // each call gets one of the errors
				for n := first; ; n += step(len(errnos)) {
					got, isAfterCommit, failed := failAt(t, r.Rig, n, with, fromThere)
					if !failed {
						break
					}
					points++
					r.removeTemp(t)
					if strings.Contains(got.Stderr, "the login is lost") {
						// The journal's file is open before the token is sent.
						if said++; !fromThere || !isAfterCommit || with == unix.EMFILE {
							t.Errorf("point %d, after the commit %v: %s", n, isAfterCommit, got.Stderr)
						}
					} else if next := r.next(t); next.Status == 0 && r.Org.Alive() {
						continue
					} else {
						t.Errorf("point %d: the login is lost, after the commit %v: status %d: %sthen %d: %s", n, isAfterCommit, got.Status, got.Stderr, next.Status, next.Stderr)
					}
					r.renew()
				}
				t.Logf("%d points, %d lost and said so", points, said)
			})
		}
	}
}

// TestDescriptorLimits: whatever number of files a process may open, a refresh sends nothing
// or saves what it gets.
func TestDescriptorLimits(t *testing.T) {
	t.Parallel()
	rig.NeedTool(t, "sh")
	r := rig.New(t, orgtest.Config{Rotate: true})
	r.Killed = true
	r.Run(t.Context(), "", "get", "prod").Token(t)
	least := 0
	for limit := 3; limit <= 64; limit++ {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" get prod --force`, limit), rig.Binary)
		cmd.Env = r.Env
		got := rig.Finish(cmd)
		settle(t, r)
		if got.Status == 0 && least == 0 {
			least = limit
		}
		if next := r.Run(t.Context(), "", "get", "prod", "--force"); next.Status != 0 || !r.Org.Alive() {
			t.Fatalf("ulimit -n %d: status %d: %sthen %d: %s", limit, got.Status, got.Stderr, next.Status, next.Stderr)
		}
	}
	t.Logf("a refresh succeeds from ulimit -n %d on; 0 of 62 logins lost", least)
}
