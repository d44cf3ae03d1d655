//go:build unix

package privatefile

import (
	"os"
	"syscall"

	"forcecred/internal/regularfile"
)

// lockFlags are for opening a file that is to be locked.
const lockFlags = regularfile.NoFollow | syscall.O_NONBLOCK

// rename moves a file over another one.
func rename(from, path string) error { return os.Rename(from, path) }
