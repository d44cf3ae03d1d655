//go:build !windows

package sfcli

import "syscall"

// noSuchFile are the system's words for a path at which nothing can be.
var noSuchFile = []error{syscall.ENOTDIR, syscall.ENAMETOOLONG}
