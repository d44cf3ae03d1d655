//go:build unix

package worker

import (
	"errors"
	"syscall"
)

// isShortage reports whether an error ends when other processes end.
func isShortage(err error) bool {
	for _, shortage := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN, syscall.ENOMEM} {
		if errors.Is(err, shortage) {
			return true
		}
	}
	return false
}
