//go:build !linux

package privatefile

// LockHolder reports false: the system does not report who holds a lock.
func LockHolder(string) (pid int, ok bool) { return 0, false }
