//go:build !linux

package process

import "time"

// bootTime returns a time that goes on while the system sleeps.
func bootTime() time.Duration { return time.Duration(time.Now().Round(0).UnixNano()) }
