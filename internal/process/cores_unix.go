//go:build unix

package process

import "golang.org/x/sys/unix"

// disableCores lowers only the soft limit, so that allow can raise it again.
func disableCores() (allow func()) {
	var before unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_CORE, &before) != nil {
		return func() {}
	}
	none := before
	none.Cur = 0
	if unix.Setrlimit(unix.RLIMIT_CORE, &none) != nil {
		return func() {}
	}
	return func() { _ = unix.Setrlimit(unix.RLIMIT_CORE, &before) }
}
