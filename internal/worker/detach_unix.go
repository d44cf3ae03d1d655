//go:build unix

package worker

import (
	"os/exec"
	"syscall"
)

// detach gives the worker a session of its own: it has no terminal, and is in no
// process group that a terminal or a caller sends a signal to.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
