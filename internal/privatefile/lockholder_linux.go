package privatefile

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// LockHolder returns the process that holds the lock of the file at path. It reports false
// for a process in another PID namespace, and on other systems than Linux.
func LockHolder(path string) (pid int, ok bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return 0, false
	}
	return parseLocks(string(locks), stat.Ino)
}

// parseLocks returns the holder of the lock on an inode in a text like /proc/locks:
//
//	1: FLOCK  ADVISORY  WRITE 4711 08:02:131074 0 EOF
//
// It does not compare the device, which differs on layered file systems.
func parseLocks(locks string, inode uint64) (pid int, ok bool) {
	for line := range strings.Lines(locks) {
		fields := strings.Fields(line) // a waiting process has "->" after its number
		if len(fields) < 6 || fields[1] != "FLOCK" || !strings.HasSuffix(fields[5], fmt.Sprintf(":%d", inode)) {
			continue
		}
		if pid, err := strconv.Atoi(fields[4]); err == nil && pid > 0 {
			return pid, true
		}
	}
	return 0, false
}
