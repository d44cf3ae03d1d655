package worker

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// running counts the workers of this process.
var running atomic.Int64

// startTimeout bounds the wait for the end of other workers. It is longer than a usual
// refresh takes.
const startTimeout = 20 * time.Second

const startInterval = 20 * time.Millisecond

// startWhenPossible starts the process. If the system has no descriptors or processes for
// it while other workers run, it waits until they give back theirs.
func (j Job) startWhenPossible(ctx context.Context, request []byte) (*process, error) {
	for begin := time.Now(); ; {
		process, err := j.start(request)
		if err == nil {
			running.Add(1)
			return process, nil
		}
		if !isShortage(err) || running.Load() == 0 || time.Since(begin) > startTimeout {
			return nil, fmt.Errorf("%w: %w", ErrNotStarted, err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(startInterval):
		}
	}
}
