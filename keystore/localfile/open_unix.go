//go:build unix

package localfile

import (
	"os"
	"syscall"
)

// NoFollow has a file opened only when it is not a symbolic link.
const NoFollow = syscall.O_NOFOLLOW

// lockFlags are for opening a file that is to be locked.
const lockFlags = NoFollow | syscall.O_NONBLOCK

// openFile opens a file that is there. It does not wait for the other end of a pipe.
func openFile(path string, flags int) (*os.File, error) {
	return os.OpenFile(path, flags|syscall.O_NONBLOCK, 0)
}

// rename moves a file over another one.
func rename(from, path string) error { return os.Rename(from, path) }

// patiently calls op once: nobody who has a file open stands in the way.
func patiently(op func() error) error { return op() }
