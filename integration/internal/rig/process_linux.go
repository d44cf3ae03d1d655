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
	"time"
)

// ProcessesWith returns the processes that have mark in their environment.
func ProcessesWith(t *testing.T, mark string) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+mark+"\x00")) {
			continue // it has ended, is another user's, or has no mark
		}
		pid, err := strconv.Atoi(strings.Split(file, "/")[2])
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// awaitWorkers waits until no worker of a home goes on without its caller: while a keystore
// is slow, a worker saves after it has answered. It reports false if one does not end. An
// ordinary user can't see whose home a worker has, so there it does not wait.
func awaitWorkers(home string) bool {
	for begin := time.Now(); hasOrphan(home); time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > Timeout {
			return false
		}
	}
	return true
}

// hasOrphan reports whether there is a worker of a home whose caller has ended.
func hasOrphan(home string) bool {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		command, err := os.ReadFile(file)
		if err != nil || string(command) != workerCommand {
			continue
		}
		process := filepath.Dir(file)
		environ, _ := os.ReadFile(filepath.Join(process, "environ"))
		if bytes.Contains(append([]byte{0}, environ...), []byte("\x00FORCECRED_HOME="+home+"\x00")) && !isCalled(process) {
			return true
		}
	}
	return false
}

// isCalled reports whether the parent of a worker is the process that started it, which
// runs the same program.
func isCalled(process string) bool {
	stat, _ := os.ReadFile(filepath.Join(process, "stat"))
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // state, parent, …
	if len(fields) < 2 {
		return false
	}
	program, _ := os.Readlink(filepath.Join(process, "exe"))
	parent, _ := os.Readlink(filepath.Join("/proc", fields[1], "exe"))
	return program == parent
}

// workerCommand is the command line of a worker.
const workerCommand = "forcecred\x00worker\x00"

// WorkerOf returns the worker that a process has started, once it runs.
func WorkerOf(t *testing.T, pid int) int {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < Timeout; time.Sleep(time.Millisecond) {
		tasks, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "children"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range tasks {
			children, err := os.ReadFile(file)
			if err != nil {
				continue // the thread has ended
			}
			for _, child := range strings.Fields(string(children)) {
				command, err := os.ReadFile(filepath.Join("/proc", child, "cmdline"))
				if err == nil && string(command) == workerCommand {
					worker, err := strconv.Atoi(child)
					if err != nil {
						t.Fatal(err)
					}
					return worker
				}
			}
		}
	}
	t.Fatal("no worker was started")
	return 0
}

// OrdinaryUser returns the attributes that run a command without root's access to
// /proc: as nobody if root runs the tests, else nil.
func OrdinaryUser() *syscall.SysProcAttr {
	const nobody = 65534
	if os.Geteuid() != 0 {
		return nil
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}

// NeedReadable skips a test if strace printed addresses instead of strings. forcecred
// is not dumpable, so strace needs CAP_SYS_PTRACE to read its memory.
func NeedReadable(t *testing.T, trace string) {
	t.Helper()
	Need(t, !regexp.MustCompile(`(openat\(AT_FDCWD, |execve\()0x`).MatchString(trace), "strace can't read forcecred's memory here, which takes CAP_SYS_PTRACE")
}
