//go:build unix

package process

import "golang.org/x/sys/unix"

// forbidCores lowers the soft limit alone, so that allow can raise it again.
func forbidCores() (allow func()) {
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
