package process

import "golang.org/x/sys/unix"

// DisableDumps disables core dumps, into files and to programs that collect them, for this
// process and for programs that it starts before allow. Other processes of the user can't
// attach to this one, or read its memory and environment in /proc. Root still can.
func DisableDumps() (allow func()) {
	// A program that this one starts is dumpable again.
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	return disableCores()
}
