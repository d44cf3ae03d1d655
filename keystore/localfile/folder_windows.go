package localfile

import (
	"errors"
	"io/fs"
	"syscall"
	"time"
)

// Flags that Windows has no equal of.
const (
	NoFollow = 0
	noWait   = 0
)

// OwnedBy reports true: access is by the lists that the user's profile folder
// hands down, not by an owner's id.
func OwnedBy(fs.FileInfo, ...int) bool { return true }

// OthersBits returns none, for the reason of OwnedBy.
func OthersBits(fs.FileInfo) fs.FileMode { return 0 }

// syncFolder does nothing: Windows has no way to sync a folder.
func syncFolder(string) error { return nil }

// patiently calls op for up to a second, as long as it fails because another
// process has the file open or is just replacing it.
func patiently(op func() error) error {
	const sharingViolation = syscall.Errno(32)
	for tries := 0; ; tries++ {
		err := op()
		if tries == 200 || !errors.Is(err, sharingViolation) && !errors.Is(err, syscall.ERROR_ACCESS_DENIED) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}
