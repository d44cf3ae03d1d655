package process

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
)

// Exec runs a command to its end and returns its exit status: a process can't
// take another one's place here. Ctrl-C reaches all that are on the console, and
// what it does is left to the command.
func Exec(cmd *exec.Cmd) (status int, err error) {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	return 0, err
}
