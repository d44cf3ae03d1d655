//go:build unix

package process

import (
	"golang.org/x/sys/unix"
)

// dropUnreadStderr makes writes to stderr fail instead of wait if nobody reads the pipe,
// also writes of Go's runtime. The pipe is the worker's own: no other process has it as
// its stderr.
func dropUnreadStderr() {
	var stderr unix.Stat_t
	if unix.Fstat(2, &stderr) == nil && stderr.Mode&unix.S_IFMT == unix.S_IFIFO {
		_ = unix.SetNonblock(2, true)
	}
}

// EndStderr closes the pipe of a worker's stderr, so that its reader reaches the end.
// What is written later goes nowhere.
func EndStderr() {
	// The number must not be free: the next file that is opened would get it, and with it
	// the runtime's output. A copy of stdin takes it, and refuses writes.
	_ = dup2(0, 2)
}
