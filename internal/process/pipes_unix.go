//go:build unix

package process

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// SurviveBrokenPipes makes a write to a broken stderr return an error. By default SIGPIPE
// ends the process, and an unread notice must not cost a login that is not saved yet. The
// stdout that it returns still ends the process, as with any filter. For a command that
// replaces this process, the signal has its default effect.
func SurviveBrokenPipes(stdout *os.File) io.Writer {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return filter{stdout}
}

// filter is a stdout that ends the process if it is a broken pipe.
type filter struct{ *os.File }

// Write writes b. If stdout is a broken pipe, SIGPIPE ends the process.
func (f filter) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	if errors.Is(err, syscall.EPIPE) {
		signal.Reset(syscall.SIGPIPE)
		_, _ = f.File.Write(b[n:]) // here Go's runtime ends the process; the signal alone does not
	}
	return n, err
}
