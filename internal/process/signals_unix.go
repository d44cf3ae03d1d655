//go:build unix

package process

import (
	"os"
	"syscall"
)

// fatalSignals end a process of Go by default if another process sends them. Go's runtime
// ignores the other ones, such as SIGUSR1, SIGALRM and SIGXCPU.
var fatalSignals = []os.Signal{
	syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGTRAP, syscall.SIGSYS, syscall.SIGILL,
	syscall.SIGBUS, syscall.SIGFPE, syscall.SIGSEGV,
}
