package transport

import (
	"context"
	"sync/atomic"
	"time"
)

// arrivalTime is how long to read on after the timeout. A process that was stopped, or a
// machine that slept, finds the timeout over and the answer in the socket.
const arrivalTime = time.Second

// readingContext is a context that ends arrivalTime after it has seen that a timeout is over.
type readingContext struct {
	context.Context
	isOver atomic.Bool
	done   chan struct{}
}

func (c *readingContext) Done() <-chan struct{} { return c.done }

func (c *readingContext) Err() error {
	select {
	case <-c.done:
		if c.isOver.Load() {
			return context.DeadlineExceeded
		}
		return c.Context.Err()
	default:
		return nil
	}
}

// withTimeout returns a context for a request that ends by the timeout, and reads what has
// arrived before that. The caller calls stop.
func withTimeout(parent context.Context, after func(time.Duration) <-chan time.Time) (ctx context.Context, stop func()) {
	parent, stop = context.WithCancel(parent)
	c := &readingContext{Context: parent, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		for _, wait := range []time.Duration{Timeout, arrivalTime} {
			select {
			case <-after(wait):
			case <-parent.Done():
				return
			}
		}
		c.isOver.Store(true)
	}()
	return c, stop
}
