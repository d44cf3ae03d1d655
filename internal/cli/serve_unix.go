//go:build unix

package cli

import "os/exec"

// servePlugin lets the plugin take this process's place.
func (p Process) servePlugin(cmd *exec.Cmd) error {
	_, err := p.Become(cmd)
	return err
}
