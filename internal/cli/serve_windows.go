package cli

import (
	"os/exec"

	"forcecred/internal/process"
)

// servePlugin runs the plugin for the host, and exits when either of them does. On
// Windows no program can replace another.
func (p Process) servePlugin(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	go func() {
		process.WaitForParent()
		ended <- nil // the plugin sees that this one is gone
	}()
	return <-ended
}
