package privatefile

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"forcecred/keystore"
)

// LockHolder returns the process that holds the lock of the file at path. It does not know
// a process in another PID namespace, nor any on other systems than Linux.
func LockHolder(path string) keystore.LockHolder {
	info, err := os.Lstat(path)
	if err != nil {
		return keystore.LockHolder{}
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return keystore.LockHolder{}
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return keystore.LockHolder{}
	}
	pid, ok := parseLocks(string(locks), stat.Ino)
	if !ok {
		return keystore.LockHolder{}
	}
	return keystore.LockHolder{PID: pid, Since: info.ModTime()} // Lock sets that time
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
