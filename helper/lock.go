package helper

import (
	"context"
	"sync"
	"time"

	"forcecred/keystore"
)

// lockBudget is how long to wait for another process that is refreshing the
// same grant. It is longer than spendBudget, with time to save.
const lockBudget = 60 * time.Second

// lock takes the lock of org's grant, within this process and then across
// processes. Not to get it in time is no fault of the keystore: somebody
// else's refresh is taking long.
func (h *Helper) lock(ctx context.Context, org keystore.Org) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, lockBudget)
	defer cancel()
	land, err := h.flights.begin(ctx, org)
	if err != nil {
		return nil, lockError(org, err)
	}
	release, err := h.Keystore.Lock(ctx, org)
	if err != nil {
		land()
		return nil, lockError(org, err)
	}
	return func() {
		// The process is about to answer or to fail for a better reason, and its
		// end releases the lock in any case.
		_ = release()
		land()
	}, nil
}

// flights lets one caller in a process at a time work on an org. Without it a
// thousand callers of one plugin would poll for the same lock.
type flights struct {
	mu  sync.Mutex
	air map[keystore.Org]chan struct{} // closed when the flight lands
}

// begin waits until no other flight of org is in the air, or ctx ends.
func (f *flights) begin(ctx context.Context, org keystore.Org) (land func(), err error) {
	for {
		f.mu.Lock()
		other, busy := f.air[org]
		if !busy {
			if f.air == nil {
				f.air = map[keystore.Org]chan struct{}{}
			}
			mine := make(chan struct{})
			f.air[org] = mine
			f.mu.Unlock()
			return func() {
				f.mu.Lock()
				defer f.mu.Unlock()
				delete(f.air, org)
				close(mine)
			}, nil
		}
		f.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
