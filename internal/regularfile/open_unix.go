//go:build unix

package regularfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// NoFollow opens a file only if it is not a symbolic link.
const NoFollow = syscall.O_NOFOLLOW

// openFile opens an existing file. It does not wait for the other end of a FIFO, and a
// terminal does not become the controlling terminal of this process.
func openFile(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, flags|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	// A socket, a device without a driver, a FIFO without a reader; a link.
	if errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.EOPNOTSUPP) || flags&NoFollow != 0 && errors.Is(err, syscall.ELOOP) {
		err = &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	return file, err
}

// RetryWhileInUse calls op once: on Unix, an open file can be replaced and removed.
func RetryWhileInUse(op func() error) error { return op() }
