//go:build !linux

package privatefile

// Holder reports false: the system does not tell who holds a lock.
func Holder(string) (pid int, ok bool) { return 0, false }
