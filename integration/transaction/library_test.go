package transaction

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"forcecred/helper"
	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/keystore"
	"forcecred/keystore/journal"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// library returns a Helper in this process that uses the rig's journal and store.
func library(t *testing.T, r *rig.Rig, store keystore.Store) *helper.Helper {
	t.Helper()
	client, err := helper.NewClient(helper.ClientConfig{ExtraRoots: r.Org.CAPEM(), UserAgent: "forcecred-test"})
	if err != nil {
		t.Fatal(err)
	}
	return helper.New(helper.Config{
		Keystore: store,
		Journal:  &journal.Journal{Dir: filepath.Join(r.Home, "journal")},
		Connect:  func() (*helper.Client, error) { return client, nil },
		Warn:     func(m string, _ remedy.Remedy) { t.Error("warning: ", m) },
	})
}

// TestConcurrentGetsInOneProcess is TestConcurrentGetsRefreshOnce for goroutines.
func TestConcurrentGetsInOneProcess(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true, Delay: 50 * time.Millisecond})
	h := library(t, r, r.OpenStore())
	answers := make([]string, rig.CrowdSize)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			c, err := h.Get(t.Context(), protocol.GetRequest{Org: "prod", MinTTL: time.Minute})
			if err != nil {
				t.Error(err)
			}
			answers[i] = c.AccessToken.Reveal()
		})
	}
	all.Wait()
	rig.WantOneToken(t, "prod", answers, r.Org.AccessToken(), rig.CrowdSize)
	if posts := r.Org.Count(orgtest.Token); posts != 1 || !r.Org.Alive() {
		t.Errorf("%d token requests, want 1; alive %v", posts, r.Org.Alive())
	}
	t.Logf("%d goroutines at once, token expired: 1 token request", rig.CrowdSize)
}

// timedStore records when a grant was saved.
type timedStore struct {
	keystore.Store
	saved func()
}

func (s timedStore) Set(ctx context.Context, key keystore.Key, item []byte) error {
	err := s.Store.Set(ctx, key, item)
	if key.Kind == keystore.KindGrant {
		s.saved()
	}
	return err
}

// TestKillWindow measures the time in which SIGKILL loses a login: from the org's
// commit of a rotation to the end of the fsync of the new refresh token.
func TestKillWindow(t *testing.T) {
	const rounds = 200
	committed := make(chan time.Time, 1)
	var windows []time.Duration
	r := rig.New(t, orgtest.Config{Rotate: true, OnCommit: func() { committed <- time.Now() }})
	h := library(t, r, timedStore{r.OpenStore(), func() { windows = append(windows, time.Since(<-committed)) }})
	for range rounds {
		if _, err := h.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true}); err != nil {
			t.Fatal(err)
		}
	}
	if len(windows) != rounds {
		t.Fatalf("%d grants were saved, want %d", len(windows), rounds)
	}
	slices.Sort(windows)
	t.Logf("from the org's commit to the end of the fsync, %d refreshes: p50 %v, p99 %v, longest %v",
		rounds, windows[rounds/2].Round(10*time.Microsecond), windows[rounds*99/100].Round(10*time.Microsecond), windows[rounds-1].Round(10*time.Microsecond))
}
