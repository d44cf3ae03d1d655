package keyring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"forcecred/keystore"
)

// library lets one call at a time into github.com/99designs/keyring, which is
// not made for more (its Get and Set rewrite the fields of the keyring).
var library = newGate()

// gate lets one in at a time, who came first.
type gate struct {
	turn  chan struct{} // of one element: who has put it is in
	began atomic.Int64  // when he came in, in nanoseconds since 1970
}

func newGate() *gate { return &gate{turn: make(chan struct{}, 1)} }

// enter waits for a turn while ctx lasts, but no longer than one call may take
// that gets no answer: a keyring that does not answer one will not answer two.
func (g *gate) enter(ctx context.Context, patience time.Duration) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case g.turn <- struct{}{}:
			g.began.Store(time.Now().UnixNano())
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			left := patience - time.Since(time.Unix(0, g.began.Load()))
			if left <= 0 {
				return &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("an earlier call still waits for the keyring"), Hint: hintSilent}
			}
			timer.Reset(left)
		}
	}
}

func (g *gate) leave() { <-g.turn }

func nothing() {}

// call runs use in a turn of its own, which ends with it, and waits for it only
// as long as ctx and the deadlines say: the library takes no context, and what
// it waits for may never come. Whatever use still does after that is nobody's
// result, so that it stops before its next step. At its end release is called,
// which is not before the call is over.
func (s *Store) call(ctx context.Context, release func(), use func(*turn) error) error {
	if err := library.enter(ctx, s.config.Timeout); err != nil {
		release()
		return err
	}
	ctx, abandon := context.WithCancel(ctx)
	defer abandon()
	result := make(chan error, 1)
	go func() {
		err := s.guarded(ctx, use)
		library.leave()
		release()
		result <- err
	}()
	timer := time.NewTimer(s.config.Timeout)
	defer timer.Stop()
	for asked := false; ; asked = true {
		select {
		case err := <-result:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			locked := s.mayBeLocked(ctx)
			if !asked && locked && !s.config.NoPrompt && s.personThere() {
				timer.Reset(s.config.PromptTimeout - s.config.Timeout)
				continue
			}
			if locked {
				return &keystore.Error{Reason: keystore.ErrLocked, Err: errors.New("nobody unlocked the keyring"), Hint: s.hintUnlock()}
			}
			return &keystore.Error{
				Reason: keystore.ErrUnavailable,
				Err:    fmt.Errorf("the keyring did not answer within %v", s.config.Timeout),
				Hint:   hintSilent,
			}
		}
	}
}

// guarded keeps from the rest of the program what the library may do to it:
// print to the standard output, which is the protocol's, and panic, as
// go-libsecret does when the bus ends during a dialog.
func (s *Store) guarded(ctx context.Context, use func(*turn) error) (err error) {
	if stdout := os.Stdout; stdout != os.Stderr && s.config.Backend != Pass && s.config.Backend != KeyCtl { // which are not the library's
		os.Stdout = os.Stderr
		defer func() { os.Stdout = stdout }()
	}
	defer func() {
		// What it panics with may be what it had in hand, and is not kept.
		if recover() != nil {
			err = &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("the keyring's library gave up"), Hint: hintSilent}
		}
		if err != nil && !errors.Is(err, keystore.ErrNotFound) {
			s.ring = nil // the next call opens it anew
		}
	}()
	if s.config.Backend == KeyCtl {
		// A thread has a keyring of its own, where a new item is first: on another one
		// the next step is not permitted.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	return use(&turn{Store: s, ctx: ctx})
}
