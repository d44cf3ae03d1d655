//go:build unix

package process

import (
	"os"
	"time"
)

// interval is the time between two checks: no system reports the exit of a parent in all
// cases.
const interval = 500 * time.Millisecond

// parent is the process that started this one. When it exits, another process becomes the
// parent.
var parent = os.Getppid()

// WaitForParent returns within a second of the parent's exit.
func WaitForParent() {
	for os.Getppid() == parent {
		time.Sleep(interval)
	}
}
