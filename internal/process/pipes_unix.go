//go:build unix

package process

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// SurviveBrokenPipes has a write to a stderr that nobody reads any more return an
// error, which by default ends the process: a notice is not worth a login that was
// not saved. It returns stdout, which ends the process as it ends any filter. A
// command that forcecred becomes has the signal's default again.
func SurviveBrokenPipes(stdout *os.File) io.Writer {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return filter{stdout}
}

// filter is a stdout whose reader may leave.
type filter struct{ *os.File }

// Write writes b. Where nobody reads it, the process ends by SIGPIPE.
func (f filter) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	if errors.Is(err, syscall.EPIPE) {
		signal.Reset(syscall.SIGPIPE)
		_, _ = f.File.Write(b[n:]) // by which Go's runtime ends the process: the signal alone does not
	}
	return n, err
}
