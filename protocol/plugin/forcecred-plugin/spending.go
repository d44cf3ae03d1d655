package main

import (
	"sync"
	"time"
)

// spending counts the refresh tokens that are in flight, for a process whose end
// can wait for them.
type spending struct {
	mu       sync.RWMutex // held for reading by each, for writing by the end
	draining sync.Once
}

// drainBudget is longer than an exchange can take, with time to save. Only a
// fault of ours outlasts it.
const drainBudget = time.Minute

// begin is called before a refresh token is sent; done, when what came back is
// saved. Once the end has begun it does not return.
func (s *spending) begin() (done func()) {
	s.mu.RLock()
	return s.mu.RUnlock
}

// drain returns when no refresh token is in flight, and lets no other one begin.
func (s *spending) drain() {
	s.draining.Do(func() {
		drained := make(chan struct{})
		go func() {
			s.mu.Lock() // for good
			close(drained)
		}()
		select {
		case <-drained:
		case <-time.After(drainBudget):
		}
	})
}
