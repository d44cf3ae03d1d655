//go:build unix

package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// StdoutWasClosed reports whether stdout, and no other standard stream, was closed when
// the process started, as by a shell's >&-.
//
// In place of a closed stream, Go's runtime opens /dev/null for reading and writing. A
// parent that discards the output may open /dev/null in the same way, and the two look
// alike. A shell's >/dev/null, systemd and most languages open it only for writing.
// Python's DEVNULL and Node's "ignore" open it for both, but mostly for several streams.
func StdoutWasClosed(stdout *os.File) bool {
	return isReopened(int(stdout.Fd())) && !isReopened(0) && !isReopened(2)
}

// isReopened reports whether Go's runtime opened a stream in place of a closed one.
func isReopened(fd int) bool {
	var null, stream unix.Stat_t
	if unix.Stat(os.DevNull, &null) != nil || unix.Fstat(fd, &stream) != nil {
		return false
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE == unix.O_RDWR && stream.Mode&unix.S_IFMT == unix.S_IFCHR && stream.Rdev == null.Rdev
}
