package client

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// fakeSource answers with a new token for each request. Its clock is synctest's.
type fakeSource struct {
	asked    atomic.Int64
	delay    time.Duration
	lifetime time.Duration
	err      error
	requests []protocol.GetRequest // of requests one after the other
}

func (f *fakeSource) Get(ctx context.Context, req protocol.GetRequest) (protocol.Credential, error) {
	n := f.asked.Add(1)
	f.requests = append(f.requests, req)
	select {
	case <-time.After(f.delay):
	case <-ctx.Done():
		return protocol.Credential{}, ctx.Err()
	}
	cred := protocol.Credential{Org: req.Org, ExpiresAt: time.Now().Add(f.lifetime)}
	cred.AccessToken = secret.New(fmt.Sprintf("test-access-token-%d", n))
	return cred, f.err
}

func wantAsked(t *testing.T, f *fakeSource, want int64) {
	t.Helper()
	if got := f.asked.Load(); got != want {
		t.Errorf("the source was asked %d times, want %d", got, want)
	}
}

// TestExpiry: a token is asked for once before each expiry, also if the session is shorter
// than what the caller wants.
func TestExpiry(t *testing.T) {
	for _, tt := range []struct {
		name             string
		lifetime, minTTL time.Duration
		until            time.Duration // how long the token is used
	}{
		{"the default", 2 * time.Hour, protocol.DefaultMinTTL, 2*time.Hour - time.Minute},
		{"a long job", 2 * time.Hour, time.Hour, time.Hour},
		{"no limit", 2 * time.Hour, 0, 2 * time.Hour},
		{"longer than a session", 15 * time.Minute, time.Hour, 450 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeSource{lifetime: tt.lifetime}
				c := New(WithPlugin(f))
				get := func() {
					t.Helper()
					if _, err := c.Get(t.Context(), "prod", MinTTL(tt.minTTL)); err != nil {
						t.Error(err)
					}
				}
				get()
				time.Sleep(tt.until - time.Second)
				get()
				wantAsked(t, f, 1)
				time.Sleep(time.Second)
				get()
				wantAsked(t, f, 2)
			})
		})
	}
}

// TestLeave: a caller whose context ends returns at once, and the others get the answer.
// If all have left, the request ends.
func TestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{lifetime: time.Hour, delay: 10 * time.Second}
		c := New(WithPlugin(f))
		hurried, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		patient := make(chan error)
		go func() { _, err := c.Get(t.Context(), "prod"); patient <- err }()
		begin := time.Now()
		if _, err := c.Get(hurried, "prod"); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		if err := <-patient; err != nil {
			t.Error(err)
		}
		wantAsked(t, f, 1)

		alone, cancelAlone := context.WithTimeout(t.Context(), time.Second)
		defer cancelAlone()
		if _, err := c.Get(alone, "other"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if _, err := c.Get(t.Context(), "other"); err != nil {
			t.Errorf("the next caller gets the end of the request that all have left: %v", err)
		}
		wantAsked(t, f, 3)
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := New(WithPlugin(&fakeSource{delay: time.Hour}), WithTimeout(time.Second)).Get(t.Context(), "prod")
		e, ok := errors.AsType[*protocol.Error](err)
		if !ok || e.Code != protocol.TemporarilyUnavailable || !e.Retryable || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%#v", err)
		}
	})
}

// TestRejected: callers that reject the same token cause one request. A request that began
// before leaves nothing in the cache, and a late caller rejects nothing.
func TestRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{lifetime: time.Hour}
		c := New(WithPlugin(f))
		first, _ := c.Get(t.Context(), "prod")
		old := first.AccessToken.Reveal()
		for range 3 {
			second, err := c.Get(t.Context(), "prod", Rejected(old))
			if err != nil || second.AccessToken.Equal(first.AccessToken) {
				t.Fatalf("the rejected token, or %v", err)
			}
		}
		wantAsked(t, f, 2)
		if got := f.requests[1].RejectedToken; !got.Equal(first.AccessToken) {
			t.Error("the source does not learn which token was rejected")
		}

		f.delay = time.Minute
		early := make(chan struct{})
		go func() { _, _ = c.Get(t.Context(), "other"); close(early) }()
		synctest.Wait()
		c.Reject("other", "test-access-token-3")
		<-early
		if _, err := c.Get(t.Context(), "other"); err != nil {
			t.Error(err)
		}
		wantAsked(t, f, 4)
	})
}

// TestFailures: callers that wait together share a failure; the next one asks again, and
// the rejected token is not forgotten.
func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSource{lifetime: time.Hour, delay: time.Second, err: protocol.Errorf(protocol.SignInAgain, "the grant is dead")}
		c := New(WithPlugin(f))
		failed := make(chan error)
		for range 20 {
			go func() { _, err := c.Get(t.Context(), "prod", Rejected("test-access-token-0")); failed <- err }()
		}
		for range 20 {
			if e, ok := errors.AsType[*protocol.Error](<-failed); !ok || e.Code != protocol.SignInAgain {
				t.Error(e)
			}
		}
		wantAsked(t, f, 1)
		f.err = nil
		if _, err := c.Get(t.Context(), "prod"); err != nil {
			t.Error(err)
		}
		if got := f.requests[1].RejectedToken.Reveal(); got != "test-access-token-0" {
			t.Error("the next request does not name the rejected token")
		}
	})
}
