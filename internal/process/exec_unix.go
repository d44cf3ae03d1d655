//go:build unix

package process

import (
	"os/exec"
	"syscall"
)

// Exec replaces this process with a command. So the command has the terminal, the signals
// and the exit status for itself. Exec returns only if it fails. Of the signals that this
// process was started to ignore, SIGHUP and SIGINT stay ignored; Go resets the others.
func Exec(cmd *exec.Cmd) (status int, err error) {
	return 0, syscall.Exec(cmd.Path, cmd.Args, cmd.Env)
}
