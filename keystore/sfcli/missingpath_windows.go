package sfcli

import "syscall"

// missingPathErrors are the system's errors for a path at which nothing can be:
// ERROR_INVALID_NAME, ERROR_DIRECTORY, ERROR_FILENAME_EXCED_RANGE.
var missingPathErrors = []error{syscall.Errno(123), syscall.Errno(267), syscall.Errno(206)}
