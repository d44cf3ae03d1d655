//go:build unix

package process

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// closeInherited closes the descriptors that this process has from its parent, beside
// the standard streams. A lock or the end of a pipe that a caller holds would else be
// held for as long as this process lives. What Go opens is closed on exec, so what is
// not comes from the parent.
func closeInherited() {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		return // best effort
	}
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || fd <= 2 {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
}
