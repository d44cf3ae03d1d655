//go:build unix

package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// StdoutWasClosed reports whether stdout, and no other standard stream, was closed when
// the process started, as by a shell's >&-.
//
// Go's runtime opens /dev/null for reading and writing in place of a stream that is
// closed, before any code of ours. Nothing tells it from a /dev/null that a parent
// opened in the same way to drop the output. A shell's >/dev/null, systemd and most
// languages open it for writing alone; Python's DEVNULL and Node's "ignore" do not,
// and are mostly used for more streams than one.
func StdoutWasClosed(stdout *os.File) bool {
	return isReopened(int(stdout.Fd())) && !isReopened(0) && !isReopened(2)
}

// isReopened reports whether a stream is what Go's runtime opens in place of one
// that is closed.
func isReopened(fd int) bool {
	var null, stream unix.Stat_t
	if unix.Stat(os.DevNull, &null) != nil || unix.Fstat(fd, &stream) != nil {
		return false
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE == unix.O_RDWR && stream.Mode&unix.S_IFMT == unix.S_IFCHR && stream.Rdev == null.Rdev
}
