package process

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
)

// Exec runs a command, waits for it and returns its exit status, because Windows can't
// replace a process. Ctrl-C reaches all processes on the console. This one ignores it, and
// the command decides.
func Exec(cmd *exec.Cmd) (status int, err error) {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	return 0, err
}
