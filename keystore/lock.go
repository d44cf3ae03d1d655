package keystore

import (
	"errors"
	"sync"
)

// ErrLockLost says that a lock no longer excludes other processes: its file was deleted or
// replaced, or the service that held it has ended.
var ErrLockLost = errors.New("the lock was lost")

// Lock is the lock of one org's grant, which this process holds.
type Lock interface {
	// Check returns [ErrLockLost] if another process can have taken the lock.
	Check() error

	// Release ends the lock. A second call does nothing.
	Release() error
}

// NewLock returns a lock of those functions. op is what the store did to take it, for the
// error of a release, which is called once.
func NewLock(op string, check, release func() error) Lock {
	return lock{check, sync.OnceValue(func() error {
		if err := release(); err != nil {
			return Wrap("un"+op, err)
		}
		return nil
	})}
}

type lock struct{ check, release func() error }

func (l lock) Check() error   { return l.check() }
func (l lock) Release() error { return l.release() }
