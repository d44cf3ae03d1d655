// Package keystore defines the credentials of a Salesforce org, and the Store that holds them.
package keystore

import (
	"context"
	"errors"
	"fmt"

	"forcecred/protocol/remedy"
)

// Store holds small secret items by key. Many goroutines and processes may use a store at
// once. Package storetest tests every implementation.
//
// Each method returns an [*Error] whose Reason is one of the errors below, or the context's
// error if ctx ends before.
type Store interface {
	// Get returns the item under key, or ErrNotFound. While a Set replaces an item, Get
	// returns the old one or the new one.
	Get(ctx context.Context, key Key) ([]byte, error)

	// Set stores item under key, and replaces the old item. If it returns nil, the item
	// survives the end of the process and, in a store on a disk and unless it is cached, a
	// power loss: a store whose backend may report success and store nothing reads the item
	// back. If it fails, the old item is still there.
	Set(ctx context.Context, key Key, item []byte) error

	// Delete deletes the item under key. Deleting a missing item succeeds.
	Delete(ctx context.Context, key Key) error

	// List returns the keys of all items of that kind, in any order.
	List(ctx context.Context, kind Kind) ([]Key, error)

	// Lock takes the lock that guards org's grant among all processes. It waits for the lock
	// while ctx lasts. The lock ends with its release or with the process.
	Lock(ctx context.Context, org Org) (Lock, error)
}

// Reasons of a store's failure.
var (
	ErrNotFound    = errors.New("not found")
	ErrLocked      = errors.New("locked")
	ErrUnavailable = errors.New("not available")
	ErrCorrupt     = errors.New("corrupt")
	ErrForeign     = errors.New("another program's") // forcecred must not change it

	// ErrConnectionLost is an ErrUnavailable that lasts until the process ends. Another
	// process may reach the store.
	ErrConnectionLost = fmt.Errorf("%w to this process any more", ErrUnavailable)
)

// Error is a failure of a store.
type Error struct {
	Op     string        // what the store did: `read org/prod`
	Reason error         // one of the errors above
	Err    error         // the cause, or nil; it never holds a secret
	Remedy remedy.Remedy // what a person can do
}

func (e *Error) Error() string {
	text := e.Reason.Error()
	if e.Err != nil {
		text = e.Err.Error()
	}
	if e.Op == "" { // the caller adds its own
		return text
	}
	return e.Op + ": " + text
}

// Unwrap lets errors.Is find both the reason and the cause.
func (e *Error) Unwrap() []error { return []error{e.Reason, e.Err} }

// Wrap adds to err what the store did. An error without a Reason becomes ErrUnavailable;
// a context's error stays itself.
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
