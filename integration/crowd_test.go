package integration

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"forcecred/internal/orgtest"
)

const crowdSize = 100

// crowd runs that many gets of each org at once and returns their tokens.
func (r *rig) crowd(t *testing.T, size int, stdin func(org string) string, orgs ...string) map[string][]string {
	t.Helper()
	tokens := map[string][]string{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range size {
		for _, org := range orgs {
			all.Go(func() {
				got := r.run(t.Context(), stdin(org), "get")
				mu.Lock()
				defer mu.Unlock()
				if got.status != 0 {
					t.Errorf("status %d: %s", got.status, got.stderr)
					return
				}
				tokens[org] = append(tokens[org], got.token(t))
			})
		}
	}
	all.Wait()
	return tokens
}

func plainRequest(org string) string { return fmt.Sprintf(`{"org":%q}`, org) }

// wantOne checks that a crowd's answers are all that one token.
func wantOne(t *testing.T, org string, got []string, want string, size int) {
	t.Helper()
	if len(got) != size || slices.ContainsFunc(got, func(token string) bool { return token != want }) {
		t.Errorf("%s: the %d answers are not all the org's one token", org, len(got))
	}
}

// TestCrowd: a hundred processes that find the token expired cause one refresh.
func TestCrowd(t *testing.T) {
	r := newRig(t, orgtest.Config{Rotate: true, Delay: 100 * time.Millisecond})
	begin := time.Now()
	tokens := r.crowd(t, crowdSize, plainRequest, "prod")
	took := time.Since(begin)
	wantOne(t, "prod", tokens["prod"], r.org.AccessToken(), crowdSize)
	if posts := r.org.Count(orgtest.Token); posts != 1 {
		t.Errorf("%d token requests, want 1", posts)
	}
	if r.run(t.Context(), "", "get", "prod", "--force").token(t); !r.org.Alive() {
		t.Error("the grant is dead")
	}
	t.Logf("%d processes at once, token expired: 1 token request, %d equal answers, in %v", crowdSize, crowdSize, took.Round(time.Millisecond))
}

// TestCrowdWithTheSame401: a hundred callers whose token was refused cause one refresh.
func TestCrowdWithTheSame401(t *testing.T) {
	r := newRig(t, orgtest.Config{Rotate: true})
	rejected := r.run(t.Context(), "", "get", "prod").token(t)
	tokens := r.crowd(t, crowdSize, func(org string) string {
		return fmt.Sprintf(`{"org":%q,"rejected_token":%q}`, org, rejected)
	}, "prod")
	wantOne(t, "prod", tokens["prod"], r.org.AccessToken(), crowdSize)
	if posts := r.org.Count(orgtest.Token); posts != 2 {
		t.Errorf("%d token requests, want 2: the first get's and one for all", posts)
	}
	t.Logf("%d processes with the same rejected token: 1 token request", crowdSize)
}

// TestCrowdOfOrgs: orgs don't wait for each other, and each has one refresh.
func TestCrowdOfOrgs(t *testing.T) {
	r := newRig(t, orgtest.Config{Rotate: true, Delay: 100 * time.Millisecond})
	names := []string{"prod"}
	for i := range 4 { // they log in at one server, by grants of their own
		names = append(names, fmt.Sprintf("org-%d", i))
		r.org.NewGrant()
		r.store(t, names[i+1], r.org)
	}
	const each = crowdSize / 5
	tokens := r.crowd(t, each, plainRequest, names...)
	seen := map[string]bool{}
	for _, name := range names {
		if len(tokens[name]) != each || len(slices.Compact(slices.Clone(tokens[name]))) != 1 {
			t.Errorf("%s: %d answers, not all equal", name, len(tokens[name]))
			continue
		}
		seen[tokens[name][0]] = true
	}
	if posts := r.org.Count(orgtest.Token); posts != 5 || len(seen) != 5 {
		t.Errorf("%d token requests and %d tokens, want 5", posts, len(seen))
	}
	t.Logf("%d processes at once for 5 orgs: 5 token requests", each*5)
}

// TestChain: each of many refreshes leaves the org's own refresh token in the store.
func TestChain(t *testing.T) {
	r := newRig(t, orgtest.Config{Rotate: true})
	const length = 200
	begin := time.Now()
	for i := range length {
		if got := r.run(t.Context(), "", "get", "prod", "--force").token(t); got != r.org.AccessToken() {
			t.Fatalf("refresh %d: not the org's newest token", i)
		}
		if r.storedToken(t) != r.org.RefreshToken() {
			t.Fatalf("refresh %d: the stored refresh token is not the org's", i)
		}
	}
	if posts := r.org.Count(orgtest.Token); posts != length || !r.org.Alive() {
		t.Errorf("%d token requests for %d refreshes, alive %v", posts, length, r.org.Alive())
	}
	t.Logf("%d refreshes in a row over a rotating grant: all succeeded, %v each", length, (time.Since(begin) / length).Round(100*time.Microsecond))
}
