//go:build unix

package process

import (
	"os"
	"syscall"
)

// fatalSignals end a process of Go by default if another process sends them, and can be
// caught.
var fatalSignals = []os.Signal{
	syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGTRAP, syscall.SIGSYS, syscall.SIGILL,
	syscall.SIGBUS, syscall.SIGFPE, syscall.SIGSEGV, syscall.SIGALRM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGVTALRM,
	syscall.SIGPROF, syscall.SIGXCPU, syscall.SIGXFSZ,
}
