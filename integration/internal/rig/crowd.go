package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"forcecred/internal/privatefile"
)

const CrowdSize = 100

// Crowd runs size gets of each org at the same time and returns their tokens.
func (r *Rig) Crowd(t *testing.T, size int, stdin func(org string) string, orgs ...string) map[string][]string {
	t.Helper()
	defer CrowdAlone(t)()
	tokens := map[string][]string{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range size {
		for _, org := range orgs {
			all.Go(func() {
				got := r.Run(t.Context(), stdin(org), "get")
				mu.Lock()
				defer mu.Unlock()
				if got.Status != 0 {
					t.Errorf("status %d: %s", got.Status, got.Stderr)
					return
				}
				tokens[org] = append(tokens[org], got.Token(t))
			})
		}
	}
	all.Wait()
	return tokens
}

// CrowdAlone waits until no other test runs a crowd, in this package or in another: hundreds of
// processes that start at once leave too little time for the org's TLS.
func CrowdAlone(t *testing.T) (end func()) {
	t.Helper()
	lock, err := privatefile.Lock(t.Context(), filepath.Join(os.TempDir(), "forcecred-test-crowd.lock"))
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := lock.Release(); err != nil {
			t.Error(err)
		}
	}
}

func GetRequest(org string) string { return fmt.Sprintf(`{"org":%q}`, org) }

// WantOneToken checks that all answers of a crowd are the same token.
func WantOneToken(t *testing.T, org string, got []string, want string, size int) {
	t.Helper()
	if len(got) != size || slices.ContainsFunc(got, func(token string) bool { return token != want }) {
		t.Errorf("%s: the %d answers are not all the org's one token", org, len(got))
	}
}
