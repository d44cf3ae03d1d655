package cli

import (
	"os/exec"

	"forcecred/internal/process"
)

// servePlugin runs the plugin for whoever has started this process, and ends
// with the first of the two. No program can take another's place on Windows.
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
