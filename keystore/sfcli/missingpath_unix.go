//go:build !windows

package sfcli

import "syscall"

// missingPathErrors are the system's errors for a path at which nothing can be.
var missingPathErrors = []error{syscall.ENOTDIR, syscall.ENAMETOOLONG}
