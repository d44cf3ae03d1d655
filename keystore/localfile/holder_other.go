//go:build !linux

package localfile

// Holder reports false: the system does not tell who holds a lock.
func Holder(string) (pid int, ok bool) { return 0, false }
