//go:build unix && !linux

package dumps

import "golang.org/x/sys/unix"

// Forbid lets no core file be written from here on, also from programs that
// this one starts.
func Forbid() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}
