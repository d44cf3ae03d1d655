package keyring

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// libraryMutex admits one call at a time to github.com/99designs/keyring, which is not
// safe for more: its Get and Set rewrite fields of the keyring.
var libraryMutex = newFairMutex()

// fairMutex is a mutex that admits callers in their order, each with a timeout.
type fairMutex struct {
	holder   chan struct{} // has one element while the mutex is locked
	lockedAt atomic.Int64  // in nanoseconds since 1970
}

func newFairMutex() *fairMutex { return &fairMutex{holder: make(chan struct{}, 1)} }

// lock waits while ctx lasts, but not after another caller has held the mutex for
// timeout: a keyring that does not answer one call will not answer the next.
func (m *fairMutex) lock(ctx context.Context, timeout time.Duration) error {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		select {
		case m.holder <- struct{}{}:
			m.lockedAt.Store(time.Now().UnixNano())
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			left := timeout - time.Since(time.Unix(0, m.lockedAt.Load()))
			if left <= 0 {
				return &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("an earlier call still waits for the keyring"), Remedy: remedy.To("see_keyring_dialog")}
			}
			timer.Reset(left)
		}
	}
}

func (m *fairMutex) unlock() { <-m.holder }

func noRelease() {}

// call runs use in a session, and waits for it until ctx ends or a timeout passes. The
// library takes no context, and may wait forever. After a timeout, use runs on and fails
// at its next operation, and nobody gets its result. call runs release when use has
// ended, even after a timeout.
func (s *Store) call(ctx context.Context, release func(), use func(*session) error) error {
	if err := libraryMutex.lock(ctx, s.config.Timeout); err != nil {
		release()
		return err
	}
	ctx, abandon := context.WithCancel(ctx)
	defer abandon()
	result := make(chan error, 1)
	go func() {
		err := s.runSession(ctx, use)
		libraryMutex.unlock()
		release()
		result <- err
	}()
	timer := time.NewTimer(s.config.Timeout)
	defer timer.Stop()
	for isPrompting := false; ; isPrompting = true {
		select {
		case err := <-result:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			mayBeLocked := s.driver.mayBeLocked(ctx)
			if !isPrompting && mayBeLocked && !s.config.NoPrompt && s.driver.canPrompt() {
				timer.Reset(s.config.PromptTimeout - s.config.Timeout)
				continue
			}
			if mayBeLocked {
				return &keystore.Error{Reason: keystore.ErrLocked, Err: errors.New("nobody unlocked the keyring"), Remedy: s.driver.unlockRemedy()}
			}
			return &keystore.Error{
				Reason: keystore.ErrUnavailable,
				Err:    fmt.Errorf("the keyring did not answer within %v", s.config.Timeout),
				Remedy: remedy.To("see_keyring_dialog"),
			}
		}
	}
}

// runSession runs use, and protects the rest of the program from the library, which
// panics: go-libsecret does if the bus ends during a dialog.
func (s *Store) runSession(ctx context.Context, use func(*session) error) (err error) {
	properties := propertiesOf[s.config.Backend]
	defer func() {
		// The value of a panic may quote a secret.
		if recover() != nil {
			err = &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("the keyring's library panicked"), Remedy: remedy.To("see_keyring_dialog")}
		}
		if err != nil && !errors.Is(err, keystore.ErrNotFound) {
			s.opened = nil // the next session opens it again
		}
	}()
	if properties.needsThread {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	return use(&session{Store: s, ctx: ctx})
}
