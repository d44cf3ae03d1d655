package helper

import (
	"context"
	"errors"
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

// newMemory returns a Memory whose clock is that of the test's bubble, over
// sessions of two hours.
func newMemory(t *testing.T) (*Memory, *fixture, *countingStore) {
	t.Helper()
	f := newFixture(t)
	store := &countingStore{Store: f.store}
	f.Keystore, f.Now = store, time.Now
	f.inspect = func() (salesforce.Introspection, error) {
		return salesforce.Introspection{Active: true, IssuedAt: time.Now(), ExpiresAt: time.Now().Add(2 * time.Hour)}, nil
	}
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
		time.Sleep(time.Second)
		return rotated(f.posts), nil
	}
	return NewMemory(f.Helper), f, store
}

func mustGet(t *testing.T, m *Memory, req protocol.GetRequest) string {
	t.Helper()
	req.Org = "prod"
	c, err := m.Get(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return tokenOf(c)
}

func TestMemoryLastsForSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, f, store := newMemory(t)
		first := mustGet(t, m, protocol.GetRequest{MinTTL: time.Minute})
		before := store.reads
		for range 100 {
			if got := mustGet(t, m, protocol.GetRequest{MinTTL: time.Minute}); got != first {
				t.Fatalf("got %s, want %s", got, first)
			}
		}
		if store.reads != before {
			t.Errorf("the keystore was read %d times", store.reads-before)
		}
		// Another process refreshes: its token shows, a few seconds late.
		other := keystore.Token{Org: "prod", Token: token.Token{AccessToken: secret.New("00Dxx!other"), InstanceURL: "https://acme.my.salesforce.com"}, Expiry: keystore.Expiry{RefreshedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}}
		if err := keystore.SaveToken(t.Context(), f.store, other); err != nil {
			t.Fatal(err)
		}
		if got := mustGet(t, m, protocol.GetRequest{}); got != first {
			t.Errorf("got %s, want %s", got, first)
		}
		time.Sleep(memoryLife + time.Millisecond)
		synctest.Wait()
		if len(m.tokens) != 0 {
			t.Error("a token is remembered for too long")
		}
		if got := mustGet(t, m, protocol.GetRequest{}); got != "other" {
			t.Errorf("got %s, want the other process's", got)
		}
	})
}

func TestMemoryMeetsDemands(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, f, _ := newMemory(t)
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
			if got := mustGet(t, m, tt.req); got != tt.want {
				t.Errorf("%d, %s: got %s, want %s", i, tt.name, got, tt.want)
			}
		}
		if err := m.Erase(t.Context(), protocol.EraseRequest{Org: "prod"}); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Get(t.Context(), protocol.GetRequest{Org: "prod"}); codeOf(err) != protocol.OrgNotFound {
			t.Errorf("after erase: %v", err)
		}
		posts := f.posts
		store := protocol.StoreRequest{Org: "prod", ClientID: "test-client-id", ClientSecret: secret.New("test-client-secret"), RefreshToken: secret.New("test-refresh-token-9")}
		if err := m.Store(t.Context(), store, false); err != nil {
			t.Fatal(err)
		}
		if mustGet(t, m, protocol.GetRequest{}); f.posts != posts+1 {
			t.Error("a token of the grant that was replaced is remembered")
		}
	})
}

// TestMemoryCrowd: a thousand callers who find a token expired cause one
// refresh, and read the keystore as often as one of them.
func TestMemoryCrowd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, f, store := newMemory(t)
		mustGet(t, m, protocol.GetRequest{})
		time.Sleep(3 * time.Hour)
		one := store.reads
		var crowd sync.WaitGroup
		for range 1000 {
			crowd.Go(func() {
				if c, err := m.Get(t.Context(), protocol.GetRequest{Org: "prod", MinTTL: time.Minute}); err != nil || tokenOf(c) != "test-access-token-2" {
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

// TestMemoryCrowdFails: what Salesforce refuses is not asked again for each of
// the callers who wait, but is for the next one.
func TestMemoryCrowdFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, f, _ := newMemory(t)
		f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
			time.Sleep(time.Second)
			return salesforce.Answer{}, &salesforce.Error{Reason: salesforce.Refused, Status: 400}
		}
		var crowd sync.WaitGroup
		for range 100 {
			crowd.Go(func() {
				if _, err := m.Get(t.Context(), protocol.GetRequest{Org: "prod"}); codeOf(err) != protocol.Refused {
					t.Errorf("got %v", err)
				}
			})
		}
		crowd.Wait()
		if f.posts != 1 {
			t.Errorf("%d posts, want 1", f.posts)
		}
		if _, err := m.Get(t.Context(), protocol.GetRequest{Org: "prod"}); codeOf(err) != protocol.Refused || f.posts != 2 {
			t.Errorf("got %v after %d posts", err, f.posts)
		}
	})
}

// TestMemoryOutlivesItsFirstCaller: who leaves takes nobody along.
func TestMemoryOutlivesItsFirstCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, f, _ := newMemory(t)
		land, err := m.flights.begin(t.Context(), "prod") // a refresh that takes long
		if err != nil {
			t.Fatal(err)
		}
		leaving, leave := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() {
			if _, err := m.Get(leaving, protocol.GetRequest{Org: "prod"}); !errors.Is(err, context.Canceled) {
				t.Errorf("the one who left: %v", err)
			}
		})
		time.Sleep(time.Second)
		callers.Go(func() {
			if c, err := m.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil || tokenOf(c) != "test-access-token-1" {
				t.Errorf("the one who stayed: %s, %v", tokenOf(c), err)
			}
		})
		hurried, done := context.WithTimeout(t.Context(), time.Second)
		defer done()
		callers.Go(func() {
			if _, err := m.Get(hurried, protocol.GetRequest{Org: "prod"}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the one in a hurry: %v", err)
			}
		})
		time.Sleep(2 * time.Second)
		leave()
		synctest.Wait()
		land()
		callers.Wait()
		if f.posts != 1 {
			t.Errorf("%d posts, want 1", f.posts)
		}
	})
}

// TestMemoryDoesNotBringBack: a token that was being read while its org was
// erased is not remembered.
func TestMemoryDoesNotBringBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, _, _ := newMemory(t)
		mustGet(t, m, protocol.GetRequest{})
		time.Sleep(memoryLife + time.Millisecond)
		_, _, slow := m.look(topic{org: "prod"}, demand{}) // it has read, and not come back yet
		if err := m.Erase(t.Context(), protocol.EraseRequest{Org: "prod"}); err != nil {
			t.Fatal(err)
		}
		slow.token, slow.settled = keystore.Token{Org: "prod", Token: token.Token{AccessToken: secret.New("erased")}}, true
		m.learn(topic{org: "prod"}, slow)
		if _, err := m.Get(t.Context(), protocol.GetRequest{Org: "prod"}); codeOf(err) != protocol.OrgNotFound {
			t.Errorf("after erase: %v", err)
		}
	})
}
