package fosite

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"forcecred/protocol"
)

const (
	crowdSize   = 40 // with more processes on two cores the server in this one, which starts them, gets too little time for TLS
	chainLength = 200
)

// TestConcurrentGetsRefreshOnce: forty callers that find the token expired use one
// refresh token.
func TestConcurrentGetsRefreshOnce(t *testing.T) {
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			get := form(r, t)
			old, err := get(t.Context(), false)
			if err != nil {
				t.Fatal(err)
			}
			r.expire(t)
			r.thinking.Store(int64(delay))
			posts, begin := r.posts.Load(), time.Now()
			tokens := make([]string, crowdSize)
			var all sync.WaitGroup
			for i := range tokens {
				all.Go(func() {
					c, err := get(t.Context(), false)
					if err != nil {
						t.Error(err)
					}
					tokens[i] = c.AccessToken.Reveal()
				})
			}
			all.Wait()
			posts, took := r.posts.Load()-posts, time.Since(begin)
			for i, token := range tokens {
				if token != tokens[0] || token == old.AccessToken.Reveal() {
					t.Fatalf("answer %d is not the one new token", i)
				}
			}
			if posts != 1 {
				t.Errorf("%d token requests, want 1", posts)
			}
			if _, err := get(t.Context(), true); err != nil || !r.isCurrent(t.Context(), r.stored(t)) {
				t.Errorf("the grant is dead: %v", err)
			}
			if t.Failed() {
				return
			}
			t.Logf("fosite: %s, %d at once on an expired token: %d token request, %d equal answers, grant alive, %v",
				name, crowdSize, posts, crowdSize, took.Round(time.Millisecond))
		})
	}
}

// TestManyRefreshesInARow: after each refresh, the stored refresh token is fosite's current
// one.
func TestManyRefreshesInARow(t *testing.T) {
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			get := form(r, t)
			begin := time.Now()
			seen := map[string]bool{}
			for i := range chainLength {
				c, err := get(t.Context(), true)
				if err != nil {
					t.Fatalf("refresh %d: %v", i, err)
				}
				seen[c.AccessToken.Reveal()] = true
				if !r.isCurrent(t.Context(), r.stored(t)) {
					t.Fatalf("refresh %d: the stored refresh token is not fosite's", i)
				}
			}
			if posts := r.posts.Load(); posts != chainLength || len(seen) != chainLength {
				t.Errorf("%d token requests and %d access tokens, want %d", posts, len(seen), chainLength)
			}
			t.Logf("fosite: %s, %d forced refreshes in a row: all succeeded, each left the current refresh token in the store, %v each",
				name, chainLength, (time.Since(begin) / chainLength).Round(100*time.Microsecond))
		})
	}
}

// TestUselessAnswers: forcecred rejects an answer without instance_url, but stores its
// refresh token, because no other one is valid.
func TestUselessAnswers(t *testing.T) {
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			get := form(r, t)
			r.bare.Store(true)
			const answers = 10
			for i := range answers {
				before := r.stored(t)
				if _, err := get(t.Context(), false); status(err) != protocol.Refused.ExitStatus() {
					t.Fatalf("answer %d: got %v, want it refused", i, err)
				}
				if after := r.stored(t); after == before || !r.isCurrent(t.Context(), after) {
					t.Fatalf("answer %d: the refresh token in it was not kept", i)
				}
			}
			r.bare.Store(false)
			if _, err := get(t.Context(), false); err != nil {
				t.Error(err)
			}
			t.Logf("fosite: %s, %d answers without instance_url: all refused, all their refresh tokens kept, grant alive", name, answers)
		})
	}
}

// TestControl: a used refresh token ends the login at fosite. So the tests above can fail.
func TestControl(t *testing.T) {
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			get := form(r, t)
			spent := r.stored(t)
			if _, err := get(t.Context(), false); err != nil {
				t.Fatal(err)
			}
			if got := r.spend(t, spent); got != http.StatusBadRequest {
				t.Errorf("fosite takes a spent refresh token: status %d", got)
			}
			if r.isCurrent(t.Context(), r.stored(t)) {
				t.Error("the grant is valid after the reuse of a used refresh token")
			}
			if _, err := get(t.Context(), true); status(err) != protocol.SignInAgain.ExitStatus() {
				t.Errorf("a refresh over the dead grant: got %v, want sign_in_again", err)
			}
			t.Logf("fosite: %s, control: a used refresh token ends the login", name)
		})
	}
}
