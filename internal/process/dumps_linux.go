package process

import "golang.org/x/sys/unix"

// ForbidDumps lets no core be dumped from here on, neither into a file nor to a
// program that collects them, also from programs that this one starts until
// allow. Other processes of the user can't attach to this one, or read its memory
// and environment in /proc; to root all stays open.
func ForbidDumps() (allow func()) {
	// It ends with this program's own life: one that it starts begins anew.
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	return forbidCores()
}
