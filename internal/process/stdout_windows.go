package process

import "os"

// StdoutWasClosed returns false: on Windows, a write to a closed stream fails.
func StdoutWasClosed(*os.File) bool { return false }
