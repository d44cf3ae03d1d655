// Package keystore says what is kept of a Salesforce org: its grant, its cached access token, the Store that holds both.
package keystore

import (
	"context"
	"errors"
	"fmt"

	"forcecred/protocol/remedy"
)

// Store holds small secret items by key. Implementations are safe for use by
// many goroutines and many processes at once; keystore/storetest holds what
// every one of them must do.
//
// Each method returns an [*Error] whose Reason is one of the sentinels below,
// or the context's error when ctx ended first.
type Store interface {
	// Get returns the item under key, or ErrNotFound. An item that a Set is
	// replacing is seen whole: either the old one or the new one.
	Get(ctx context.Context, key Key) ([]byte, error)

	// Set stores item under key, replacing what was there. When it returns nil
	// the item survives the end of the process, and of the machine where the
	// store lies on a disk; when it fails the old item is still there.
	Set(ctx context.Context, key Key, item []byte) error

	// Delete removes the item under key. Removing what is not there succeeds.
	Delete(ctx context.Context, key Key) error

	// List returns the keys of all items of that kind, in no certain order.
	List(ctx context.Context, kind Kind) ([]Key, error)

	// Lock takes the lock that guards org's grant, across processes, and waits
	// for it while ctx lasts. The lock ends with unlock or with the process.
	Lock(ctx context.Context, org Org) (unlock func() error, err error)
}

// Reasons of a store's failure.
var (
	ErrNotFound    = errors.New("not found")
	ErrLocked      = errors.New("locked")
	ErrUnavailable = errors.New("not available")
	ErrCorrupt     = errors.New("corrupt")
	ErrForeign     = errors.New("another program's") // and not for forcecred to change

	// ErrLost is an ErrUnavailable that lasts as long as the process: another one
	// may well reach the store.
	ErrLost = fmt.Errorf("%w to this process any more", ErrUnavailable)
)

// Error is a failure of a store: what was tried, which reason it has, and what
// a person can do about it.
type Error struct {
	Op     string        // what the store was doing: `read org/prod`
	Reason error         // one of the sentinels
	Err    error         // the cause, or nil; it never holds a secret
	Remedy remedy.Remedy // what a person can do
}

func (e *Error) Error() string {
	text := e.Reason.Error()
	if e.Err != nil {
		text = e.Err.Error()
	}
	if e.Op == "" { // which only a caller knows, outside of a store
		return text
	}
	return e.Op + ": " + text
}

// Unwrap lets errors.Is find both the reason and the cause.
func (e *Error) Unwrap() []error { return []error{e.Reason, e.Err} }

// Failed says what a store was doing when err came up. An error without a
// reason is the system's, and becomes ErrUnavailable; a context's stays itself.
func Wrap(op string, err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		e.Op = op
		return e
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", op, err)
	}
	return &Error{Op: op, Reason: ErrUnavailable, Err: err}
}
