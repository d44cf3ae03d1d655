package sfcli

import "syscall"

// noSuchFile are the system's words for a path at which nothing can be:
// ERROR_INVALID_NAME, ERROR_DIRECTORY, ERROR_FILENAME_EXCED_RANGE.
var noSuchFile = []error{syscall.Errno(123), syscall.Errno(267), syscall.Errno(206)}
