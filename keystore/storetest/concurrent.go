package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"forcecred/keystore"
)

// lockTimeout ends the wait for a lock that a broken store never gives.
const lockTimeout = 20 * time.Second

// testConcurrent lets writers replace an item while readers read it. All bytes of an item
// have the same value, which gives its length: so the readers recognize a mixed item.
func testConcurrent(t *testing.T, first, second keystore.Store) {
	const rounds = 25
	key := tokenKey("prod")
	item := func(writer byte) []byte { return slices.Repeat([]byte{writer}, 1000*int(writer)) }
	set(t, first, key, item(1))

	var writers, readers sync.WaitGroup
	var written atomic.Bool
	for i, s := range []keystore.Store{first, second, first, second} {
		writers.Go(func() {
			for range rounds {
				if err := s.Set(t.Context(), key, item(byte(i+1))); err != nil {
					t.Errorf("set: %v", err)
					return
				}
			}
		})
	}
	for _, s := range []keystore.Store{first, second} {
		readers.Go(func() {
			for !written.Load() {
				got, err := s.Get(t.Context(), key)
				if err != nil {
					t.Errorf("get: %v", err)
					return
				}
				if len(got) == 0 || !slices.Equal(got, item(got[0])) {
					t.Errorf("get: an item of %d bytes that nobody wrote", len(got))
					return
				}
			}
		})
	}
	writers.Wait()
	written.Store(true)
	readers.Wait()
	wantKeys(t, first, keystore.KindToken, "prod")
}

func testLock(t *testing.T, first, second keystore.Store) {
	held, err := first.Lock(t.Context(), "prod")
	if err != nil {
		t.Fatalf("lock: %v", err)
	}
	for _, tt := range []struct {
		name  string
		store keystore.Store
	}{{"the other handle", second}, {"the same handle", first}} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		_, err := tt.store.Lock(ctx, "prod")
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want context.DeadlineExceeded", tt.name, err)
		}
	}
	for _, org := range []keystore.Org{"Prod", "dev"} {
		lock, err := second.Lock(t.Context(), org)
		if err != nil {
			t.Fatalf("another org's lock: %v", err)
		}
		if err := lock.Release(); err != nil {
			t.Errorf("unlock: %v", err)
		}
	}
	if err := held.Check(); err != nil {
		t.Errorf("check of a lock that is held: %v", err)
	}
	// The lock prevents no access to items, by its holder or by others.
	set(t, first, grantKey("prod"), []byte("test-refresh-token-1"))
	want(t, second, grantKey("prod"), []byte("test-refresh-token-1"))

	ctx, cancel := context.WithTimeout(t.Context(), lockTimeout)
	defer cancel()
	waiting := make(chan error, 1)
	go func() {
		lock, err := second.Lock(ctx, "prod")
		if err == nil {
			err = lock.Release()
		}
		waiting <- err
	}()
	if err := held.Release(); err != nil {
		t.Errorf("unlock: %v", err)
	}
	if err := <-waiting; err != nil {
		t.Errorf("lock and unlock after a wait: %v", err)
	}
	again, err := first.Lock(t.Context(), "prod")
	if err != nil {
		t.Fatalf("lock again: %v", err)
	}
	// A second call of Release must not end the next holder's lock.
	_ = held.Release()
	short, cancelShort := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancelShort()
	if _, err := second.Lock(short, "prod"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after a second release: got %v, want context.DeadlineExceeded", err)
	}
	if err := again.Release(); err != nil {
		t.Errorf("unlock: %v", err)
	}
}

// testLockCounts counts under the lock. The counter is atomic because the race detector
// can't see a lock of the kernel. Its update is not: two holders at once would lose one.
func testLockCounts(t *testing.T, first, second keystore.Store) {
	const callers = 20
	ctx, cancel := context.WithTimeout(t.Context(), lockTimeout)
	defer cancel()
	var counter atomic.Int64
	var done sync.WaitGroup
	for i := range callers {
		s := []keystore.Store{first, second}[i%2]
		done.Go(func() {
			lock, err := s.Lock(ctx, "prod")
			if err != nil {
				t.Errorf("lock: %v", err)
				return
			}
			before := counter.Load()
			time.Sleep(time.Millisecond)
			counter.Store(before + 1)
			if err := lock.Release(); err != nil {
				t.Errorf("unlock: %v", err)
			}
		})
	}
	done.Wait()
	if got := counter.Load(); got != callers {
		t.Errorf("%d callers counted to %d", callers, got)
	}
}
