package worker

import (
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"
)

// relay copies the stderr of a worker. The worker never waits for it: it drops what the
// pipe does not take.
type relay struct {
	from, workers *os.File
	to            io.Writer
	writing       sync.Mutex
	isFinished    atomic.Bool
	done          chan struct{}
}

func newRelay(cmd *exec.Cmd, to io.Writer) (*relay, error) {
	from, workers, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = workers
	return &relay{from: from, workers: workers, to: to, done: make(chan struct{})}, nil
}

// run copies until the worker closes its end.
func (r *relay) run() {
	_ = r.workers.Close()
	buffer := make([]byte, 4<<10)
	for {
		n, err := r.from.Read(buffer)
		if n > 0 && r.to != nil {
			r.write(buffer[:n])
		}
		if err != nil {
			break
		}
	}
	_ = r.from.Close()
	close(r.done)
}

func (r *relay) write(text []byte) {
	r.writing.Lock()
	defer r.writing.Unlock()
	if !r.isFinished.Load() {
		_, _ = r.to.Write(text)
	}
}

// finish waits until everything is copied, or a short time. What comes later is dropped.
// It does not wait for a write that is under way: the caller may not read its stderr.
func (r *relay) finish() {
	select {
	case <-r.done:
	case <-time.After(waitDelay):
		r.isFinished.Store(true)
		if r.writing.TryLock() { // no write is under way, and none will be
			r.writing.Unlock()
		}
	}
}

// abandon is for a worker that is not started.
func (r *relay) abandon() { closeAll(r.from, r.workers) }
