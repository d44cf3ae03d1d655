package cli

import (
	"os/exec"

	"forcecred/parent"
)

// become runs a program for whoever has started this one, and ends with the
// first of the two. No program can take another's place on Windows.
func (p Process) become(path string, args ...string) error {
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = p.Environ(), p.Stdin, p.Stdout, p.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	go func() {
		parent.Wait()
		ended <- nil // the program sees that this one is gone
	}()
	return <-ended
}
