//go:build unix

package process

import (
	"os"
	"time"
)

// interval is how often to look: no system tells of it in all cases.
const interval = 500 * time.Millisecond

// first is the parent that started this process. Another one takes its place
// when it ends.
var first = os.Getppid()

// WaitForParent returns when the parent has ended, within a second.
func WaitForParent() {
	for os.Getppid() == first {
		time.Sleep(interval)
	}
}
