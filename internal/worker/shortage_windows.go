package worker

// isShortage returns false: on Windows, only the memory limits processes and handles.
func isShortage(error) bool { return false }
