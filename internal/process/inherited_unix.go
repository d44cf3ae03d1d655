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
	for _, folder := range []string{"/proc/self/fd", "/dev/fd"} {
		if entries, err := os.ReadDir(folder); err == nil {
			for _, entry := range entries {
				if fd, err := strconv.Atoi(entry.Name()); err == nil {
					closeIfInherited(fd)
				}
			}
			return
		}
	}
	// A container or chroot may have neither. Descriptors are numbered from the lowest, so
	// a process has a higher one only if it asked for it.
	for fd := range mostDescriptors {
		closeIfInherited(fd)
	}
	closeFrom(mostDescriptors)
}

// mostDescriptors is so low that trying each takes some milliseconds.
const mostDescriptors = 1 << 16

func closeIfInherited(fd int) {
	if fd <= 2 {
		return
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
		_ = unix.Close(fd)
	}
}
