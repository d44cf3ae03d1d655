package process

import (
	"time"

	"golang.org/x/sys/unix"
)

// bootTime returns the time since the system started, with the time that it slept.
func bootTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return time.Duration(time.Now().UnixNano())
	}
	return time.Duration(t.Nano())
}
