package helper

import (
	"context"
	"sync"
	"time"

	"forcecred/keystore"

	"golang.org/x/sync/semaphore"
)

// lockTimeout bounds the wait for another process that refreshes the same grant. It is
// longer than refreshTimeout, and leaves that process time to save.
const lockTimeout = 60 * time.Second

// lock takes the lock of org's grant, first within this process and then across
// processes. A timeout is not a keystore error: another caller is still refreshing.
func (h *Helper) lock(ctx context.Context, org keystore.Org) (*grantLock, error) {
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	unlockHere, err := h.locks.lock(ctx, org)
	if err != nil {
		return nil, lockError(org, err)
	}
	held, err := h.keystore().Lock(ctx, org)
	if err != nil {
		unlockHere()
		return nil, lockError(org, err)
	}
	return &grantLock{held, unlockHere}, nil
}

// grantLock is the lock of an org's grant, across processes and within this one.
type grantLock struct {
	keystore.Lock
	unlockHere func()
}

func (l *grantLock) unlock() {
	// The caller has its answer or a better error already, and the end of the process
	// releases the lock in any case.
	_ = l.Release()
	l.unlockHere()
}

// orgLocks is a lock for each org within this process. Without it a thousand callers
// in one process would poll for the same lock of the keystore.
type orgLocks struct {
	all sync.Map // from keystore.Org to a *semaphore.Weighted
}

// lock waits until nobody else in this process holds org's lock, or ctx ends.
func (l *orgLocks) lock(ctx context.Context, org keystore.Org) (unlock func(), err error) {
	value, _ := l.all.LoadOrStore(org, semaphore.NewWeighted(1))
	one := value.(*semaphore.Weighted)
	if err := one.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	return func() { one.Release(1) }, nil
}
