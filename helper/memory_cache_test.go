package helper

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"
)

// countingStore counts what is read, and each read takes a while.
type countingStore struct {
	keystore.Store
	mu    sync.Mutex
	reads int
}

func (s *countingStore) Get(ctx context.Context, key keystore.Key) ([]byte, error) {
	s.mu.Lock()
	s.reads++
	s.mu.Unlock()
	time.Sleep(time.Millisecond)
	return s.Store.Get(ctx, key)
}

// newMemoryCacheFixture returns a fixture with a memory cache, whose clock is that of
// the test's bubble, over sessions of two hours.
func newMemoryCacheFixture(t *testing.T) (*fixture, *countingStore) {
	t.Helper()
	f := newFixture(t)
	store := &countingStore{Store: f.store}
	config := f.config
	config.Keystore, config.MemoryCache = store, true
	f.Helper = New(config)
	f.introspect = func() (salesforce.Introspection, error) {
		return salesforce.Introspection{Active: true, IssuedAt: time.Now(), ExpiresAt: time.Now().Add(2 * time.Hour)}, nil
	}
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
		time.Sleep(time.Second)
		return rotated(f.posts), nil
	}
	return f, store
}

func mustGet(t *testing.T, f *fixture, req protocol.GetRequest) string {
	t.Helper()
	req.Org = "prod"
	c, err := f.Get(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return tokenOf(c)
}

func TestMemoryCacheLastsForSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, store := newMemoryCacheFixture(t)
		first := mustGet(t, f, protocol.GetRequest{MinTTL: time.Minute})
		before := store.reads
		for range 100 {
			if got := mustGet(t, f, protocol.GetRequest{MinTTL: time.Minute}); got != first {
				t.Fatalf("got %s, want %s", got, first)
			}
		}
		if store.reads != before {
			t.Errorf("the keystore was read %d times", store.reads-before)
		}
		// Another process refreshes: its token is seen a few seconds late.
		other := keystore.Token{Org: "prod", Token: token.Token{AccessToken: secret.New("00Dxx!other"), InstanceURL: "https://acme.my.salesforce.com"}, Expiry: keystore.Expiry{RefreshedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}}
		if err := keystore.SaveToken(t.Context(), f.store, other); err != nil {
			t.Fatal(err)
		}
		if got := mustGet(t, f, protocol.GetRequest{}); got != first {
			t.Errorf("got %s, want %s", got, first)
		}
		time.Sleep(memoryTTL + time.Millisecond)
		synctest.Wait()
		if len(f.memory.tokens) != 0 {
			t.Error("a token is remembered for too long")
		}
		if got := mustGet(t, f, protocol.GetRequest{}); got != "other" {
			t.Errorf("got %s, want the other process's", got)
		}
	})
}

func TestMemoryCacheMeetsDemands(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, _ := newMemoryCacheFixture(t)
		for i, tt := range []struct {
			name string
			req  protocol.GetRequest
			want string
		}{
			{"the first", protocol.GetRequest{}, "test-access-token-1"},
			{"remembered", protocol.GetRequest{MinTTL: time.Hour}, "test-access-token-1"},
			{"another one was refused", protocol.GetRequest{RejectedToken: secret.New("00Dxx!other")}, "test-access-token-1"},
			{"that one was refused", protocol.GetRequest{RejectedToken: secret.New("00Dxx!test-access-token-1")}, "test-access-token-2"},
			{"remembered again", protocol.GetRequest{}, "test-access-token-2"},
			{"by force", protocol.GetRequest{Force: true}, "test-access-token-3"},
			{"what force brought", protocol.GetRequest{}, "test-access-token-3"},
		} {
			if got := mustGet(t, f, tt.req); got != tt.want {
				t.Errorf("%d, %s: got %s, want %s", i, tt.name, got, tt.want)
			}
		}
		if err := f.Erase(t.Context(), protocol.EraseRequest{Org: "prod"}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); codeOf(err) != protocol.OrgNotFound {
			t.Errorf("after erase: %v", err)
		}
		posts := f.posts
		store := protocol.StoreRequest{Org: "prod", ClientID: "test-client-id", ClientSecret: secret.New("test-client-secret"), RefreshToken: secret.New("test-refresh-token-9")}
		if err := f.Store(t.Context(), store, false); err != nil {
			t.Fatal(err)
		}
		if mustGet(t, f, protocol.GetRequest{}); f.posts != posts+1 {
			t.Error("a token of the grant that was replaced is remembered")
		}
	})
}

// TestMemoryCacheCrowd: a thousand callers that find an expired token cause one refresh, and
// read the keystore as often as one caller.
func TestMemoryCacheCrowd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, store := newMemoryCacheFixture(t)
		mustGet(t, f, protocol.GetRequest{})
		time.Sleep(3 * time.Hour)
		one := store.reads
		var crowd sync.WaitGroup
		for range 1000 {
			crowd.Go(func() {
				if c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", MinTTL: time.Minute}); err != nil || tokenOf(c) != "test-access-token-2" {
					t.Errorf("got %s, %v", tokenOf(c), err)
				}
			})
		}
		crowd.Wait()
		if f.posts != 2 || store.reads > 2*one+2 {
			t.Errorf("%d posts, want 2; %d reads after %d", f.posts, store.reads, one)
		}
	})
}

// TestMemoryCacheCrowdFails: waiting callers share a refusal. The next caller causes a new
// request.
func TestMemoryCacheCrowdFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, _ := newMemoryCacheFixture(t)
		f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
			time.Sleep(time.Second)
			return salesforce.Answer{}, &salesforce.Error{Reason: salesforce.Refused, Status: 400}
		}
		var crowd sync.WaitGroup
		for range 100 {
			crowd.Go(func() {
				if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); codeOf(err) != protocol.Refused {
					t.Errorf("got %v", err)
				}
			})
		}
		crowd.Wait()
		if f.posts != 1 {
			t.Errorf("%d posts, want 1", f.posts)
		}
		if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); codeOf(err) != protocol.Refused || f.posts != 2 {
			t.Errorf("got %v after %d posts", err, f.posts)
		}
	})
}

// TestMemoryCacheOutlivesItsFirstCaller: a caller that leaves gets its answer at once. The
// others get theirs from the call that the first one began.
func TestMemoryCacheOutlivesItsFirstCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, _ := newMemoryCacheFixture(t)
		unlock, err := f.locks.lock(t.Context(), "prod") // a refresh that takes long
		if err != nil {
			t.Fatal(err)
		}
		leaving, leave := context.WithCancel(t.Context())
		var left, stayed sync.WaitGroup
		left.Go(func() {
			if _, err := f.Get(leaving, protocol.GetRequest{Org: "prod"}); !errors.Is(err, context.Canceled) {
				t.Errorf("the one who left: %v", err)
			}
		})
		time.Sleep(time.Second)
		stayed.Go(func() {
			if c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil || tokenOf(c) != "test-access-token-1" {
				t.Errorf("the one who stayed: %s, %v", tokenOf(c), err)
			}
		})
		hurried, done := context.WithTimeout(t.Context(), time.Second)
		defer done()
		left.Go(func() {
			if _, err := f.Get(hurried, protocol.GetRequest{Org: "prod"}); !errors.Is(err, context.DeadlineExceeded) || codeOf(err) != protocol.TemporarilyUnavailable {
				t.Errorf("the one in a hurry: %v (%s)", err, codeOf(err))
			}
		})
		time.Sleep(2 * time.Second)
		leave()
		left.Wait()
		unlock()
		stayed.Wait()
		if f.posts != 1 {
			t.Errorf("%d posts, want 1", f.posts)
		}
	})
}

// TestMemoryCacheSavesWithoutCallers: the new refresh token is saved although each caller has
// left with its answer.
func TestMemoryCacheSavesWithoutCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, _ := newMemoryCacheFixture(t)
		sent, answered := make(chan struct{}), make(chan struct{})
		f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
			close(sent)
			<-answered
			return rotated(f.posts), nil
		}
		leaving, leave := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		for range 10 {
			callers.Go(func() {
				if _, err := f.Get(leaving, protocol.GetRequest{Org: "prod"}); !errors.Is(err, context.Canceled) {
					t.Errorf("a caller that left: %v", err)
				}
			})
		}
		<-sent
		leave()
		callers.Wait()
		if !f.isHoldingSignals {
			t.Error("the process may end before the new refresh token is saved")
		}
		close(answered)
		time.Sleep(time.Second) // for the reads and writes of the keystore
		synctest.Wait()
		if g := f.grantOf(t, "prod"); g.RefreshToken.Reveal() != "test-refresh-token-1" || f.isHoldingSignals {
			t.Errorf("the new refresh token is lost; signals are held: %v", f.isHoldingSignals)
		}
		if got := mustGet(t, f, protocol.GetRequest{}); got != "test-access-token-1" || f.posts != 1 {
			t.Errorf("got %s after %d posts", got, f.posts)
		}
	})
}

// TestMemoryCachePanics: a panic in a shared call reaches each of its callers, who can recover.
func TestMemoryCachePanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, _ := newMemoryCacheFixture(t)
		f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { panic("a fault") }
		var callers sync.WaitGroup
		for range 2 {
			callers.Go(func() {
				defer func() {
					value, ok := recover().(interface{ Stack() []byte })
					if !ok || !strings.Contains(string(value.Stack()), "TestMemoryCachePanics") {
						t.Errorf("recovered %v", value)
					}
				}()
				_, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"})
				t.Errorf("no panic, and %v", err)
			})
		}
		callers.Wait()
		f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), nil }
		if got := mustGet(t, f, protocol.GetRequest{}); got != "test-access-token-2" {
			t.Errorf("got %s after a panic", got)
		}
	})
}

// TestMemoryCacheDoesNotBringBack: a token that was read before its org was erased is
// not cached.
func TestMemoryCacheDoesNotBringBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, _ := newMemoryCacheFixture(t)
		mustGet(t, f, protocol.GetRequest{})
		time.Sleep(memoryTTL + time.Millisecond)
		key := cacheKey{org: "prod"}
		_, forgotten, _ := f.memory.read(key, requirement{}) // a slow call begins
		if err := f.Erase(t.Context(), protocol.EraseRequest{Org: "prod"}); err != nil {
			t.Fatal(err)
		}
		f.memory.write(key, keystore.Token{Org: "prod", Token: token.Token{AccessToken: secret.New("erased")}}, forgotten)
		if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); codeOf(err) != protocol.OrgNotFound {
			t.Errorf("after erase: %v", err)
		}
	})
}
