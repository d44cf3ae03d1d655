package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Self returns this program's file, which is right even if an update has replaced it
// since the process began.
func Self() string {
	const link = "/proc/self/exe"
	if _, err := os.Executable(); err == nil { // it has read the link
		return link
	}
	// A chroot or container may have no /proc. The kernel hands each program the path by
	// which it was run. An update that replaces the file replaces the worker too.
	if path, err := runPath(); err == nil {
		return path
	}
	return link // to start it fails, and says why
}

// errNoRunPath is returned if the kernel did not hand over the path.
var errNoRunPath = errors.New("the path of this program is not known")

// runPath returns the path that this program was run by (AT_EXECFN in getauxval(3)), made
// absolute. A caller chooses argv[0], but not this one.
func runPath() (string, error) {
	vector, err := unix.Auxv()
	if err != nil {
		return "", err
	}
	for _, entry := range vector {
		if entry[0] == atExecFn {
			path, err := stringAt(entry[1])
			if err != nil {
				return "", err
			}
			return filepath.Abs(path)
		}
	}
	return "", errNoRunPath
}

// atExecFn is AT_EXECFN of linux/auxvec.h.
const atExecFn = 31

// maxPath is the longest path that the kernel runs, with the 0 at its end.
const maxPath = 4096

// stringAt returns the string at an address of this process. It asks the kernel for the
// memory, which a package without unsafe can't read.
func stringAt(address uintptr) (string, error) {
	page := uintptr(os.Getpagesize())
	var text []byte
	for len(text) < maxPath {
		part := make([]byte, page-address%page) // the next page may not exist
		local := []unix.Iovec{{Base: &part[0]}}
		local[0].SetLen(len(part))
		n, err := unix.ProcessVMReadv(os.Getpid(), local, []unix.RemoteIovec{{Base: address, Len: len(part)}}, 0)
		if err != nil {
			return "", fmt.Errorf("read the path of this program: %w", err)
		}
		if end := bytes.IndexByte(part[:n], 0); end >= 0 {
			return string(append(text, part[:end]...)), nil
		}
		if n < len(part) {
			break
		}
		text = append(text, part...)
		address += uintptr(n)
	}
	return "", errNoRunPath
}
