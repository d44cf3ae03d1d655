//go:build unix

package process

import (
	"os/exec"
	"syscall"
)

// Exec replaces this process by a command, so that nobody stands
// between it and its terminal, its signals and its exit status. It returns only
// when it fails. Of the signals that this process was told to ignore, SIGHUP and
// SIGINT stay ignored; Go keeps no others.
func Exec(cmd *exec.Cmd) (status int, err error) {
	return 0, syscall.Exec(cmd.Path, cmd.Args, cmd.Env)
}
