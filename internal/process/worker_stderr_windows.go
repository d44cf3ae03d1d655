package process

// dropUnreadStderr does nothing: a worker of Windows writes nothing to stderr but a crash.
func dropUnreadStderr() {}

// EndStderr does nothing: the reader waits for the worker's end, for a short time.
func EndStderr() {}
