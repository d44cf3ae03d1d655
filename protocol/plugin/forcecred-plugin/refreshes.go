package main

import (
	"sync"
	"time"
)

// refreshes counts the running refreshes, so that the process can wait for them before it
// ends.
type refreshes struct {
	mu       sync.RWMutex // held for reading by each refresh, for writing by drain
	draining sync.Once
}

// drainTimeout is longer than a refresh, which has timeouts of its own. Only a bug makes
// drain wait as long.
const drainTimeout = time.Minute

// begin is called before a refresh token is sent, and done when the new one is saved. After
// drain has begun, begin does not return.
func (r *refreshes) begin() (done func()) {
	r.mu.RLock()
	return r.mu.RUnlock
}

// drain returns when no refresh is running, and lets no other one begin.
func (r *refreshes) drain() {
	r.draining.Do(func() {
		drained := make(chan struct{})
		go func() {
			r.mu.Lock() // forever
			close(drained)
		}()
		select {
		case <-drained:
		case <-time.After(drainTimeout):
		}
	})
}
