package rig

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Marked returns the processes that have the mark in their environment.
func Marked(t *testing.T, mark string) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+mark+"\x00")) {
			continue // it has ended, is another user's, or is none of ours
		}
		pid, err := strconv.Atoi(strings.Split(file, "/")[2])
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// OrdinaryUser returns how to run a command as somebody to whom /proc is not
// open: nil for the one who runs the tests, or nobody in root's place.
func OrdinaryUser() *syscall.SysProcAttr {
	const nobody = 65534
	if os.Geteuid() != 0 {
		return nil
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}

// NeedReadable skips a test whose trace by strace has addresses in place of what
// is there: since forcecred can't be dumped, that takes a privilege.
func NeedReadable(t *testing.T, trace string) {
	t.Helper()
	Need(t, !regexp.MustCompile(`(openat\(AT_FDCWD, |execve\()0x`).MatchString(trace), "strace can't read forcecred's memory here, which takes CAP_SYS_PTRACE")
}
