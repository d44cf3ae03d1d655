package worker

import (
	"os/exec"
	"syscall"
)

const detachedProcess = 0x8 // DETACHED_PROCESS, which package syscall does not have

// detach gives the worker a process group of its own and no console, so that neither
// Ctrl-C nor a console that is closed ends it. A job object that ends all of its
// processes at once still does.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP | detachedProcess}
}
