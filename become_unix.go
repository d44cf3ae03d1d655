//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// become lets a command take the place of this process, so that nobody stands
// between it and its terminal, its signals and its exit status. It returns only
// when it fails. Of the signals that this process was told to ignore, SIGHUP and
// SIGINT stay ignored; Go keeps no others.
func become(cmd *exec.Cmd) (status int, err error) {
	return 0, syscall.Exec(cmd.Path, cmd.Args, cmd.Env)
}
