package regularfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// NoFollow opens a file only if it is not a symbolic link. Only Open knows this flag.
// The flag of Windows itself opens the link instead, and other reparse points too.
const NoFollow = 1 << 30

// openFile opens an existing file, and lets other processes replace or remove it while
// it is open. With os.OpenFile, a reader would block a writer.
func openFile(path string, flags int) (*os.File, error) {
	fail := func(err error) (*os.File, error) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	if flags&NoFollow != 0 {
		if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return fail(ErrNotRegular)
		}
	}
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return fail(err)
	}
	access := uint32(syscall.GENERIC_READ)
	if flags&os.O_WRONLY != 0 {
		access = syscall.GENERIC_WRITE
	}
	const share = syscall.FILE_SHARE_READ | syscall.FILE_SHARE_WRITE | syscall.FILE_SHARE_DELETE
	const attributes = syscall.FILE_ATTRIBUTE_NORMAL | syscall.FILE_FLAG_BACKUP_SEMANTICS // which opens a folder too: Open then returns ErrNotRegular
	handle, err := syscall.CreateFile(name, access, share, nil, syscall.OPEN_EXISTING, attributes, 0)
	if err != nil {
		return fail(err)
	}
	return os.NewFile(uintptr(handle), path), nil
}

// RetryWhileInUse calls op for up to a second, as long as it fails because another
// process has the file open or is replacing it.
func RetryWhileInUse(op func() error) error {
	const sharingViolation = syscall.Errno(32)
	for tries := 0; ; tries++ {
		err := op()
		if tries == 200 || !errors.Is(err, sharingViolation) && !errors.Is(err, syscall.ERROR_ACCESS_DENIED) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}
