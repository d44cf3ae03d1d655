package plugin

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"forcecred/protocol"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"
)

// session is an org with sessions of that length. It records the requests.
type session struct {
	length  time.Duration
	tokens  int
	asked   []time.Time
	expires time.Time
	failing error
}

// get answers as the helper does: with the cached token if it is good for minTTL, or for
// half a session if that is less.
func (s *session) get(_ context.Context, req protocol.GetRequest) (protocol.Credential, error) {
	s.asked = append(s.asked, time.Now())
	left := time.Until(s.expires)
	good := left > 0 && left >= req.MinTTL
	if req.MinTTL > s.length {
		good = left > s.length/2
	}
	if s.tokens == 0 || !good {
		if s.failing != nil {
			return protocol.Credential{}, s.failing
		}
		s.tokens++
		s.expires = time.Now().Add(s.length)
	}
	return protocol.Credential{Token: token.Token{AccessToken: secret.New(fmt.Sprintf("test-access-token-%d", s.tokens))}, ExpiresAt: s.expires}, nil
}

// watched records what a watch sends, and its final error.
type watched struct {
	at  []time.Time
	err error
}

func (s *session) watch(t *testing.T, minTTL, lasting time.Duration) watched {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), lasting)
	defer cancel()
	var w watched
	var valid time.Time
	w.err = watch(ctx, s.get, protocol.GetRequest{Org: "prod", MinTTL: minTTL}, func(c protocol.Credential) error {
		if now := time.Now(); len(w.at) > 0 && !now.Before(valid) {
			t.Errorf("a gap of %v before token %d", now.Sub(valid), len(w.at)+1)
		}
		valid = c.ExpiresAt
		w.at = append(w.at, time.Now())
		return nil
	})
	return w
}

func TestWatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name                    string
		length, minTTL, lasting time.Duration
		tokens                  int
	}{
		{"long sessions", 2 * time.Hour, time.Minute, 24 * time.Hour, 13},
		{"sessions that are shorter than min_ttl", 5 * time.Second, time.Minute, 20 * time.Second, 8},
		{"min_ttl 0", time.Hour, 0, 24 * time.Hour, 24},
		{"sessions as long as min_ttl", time.Minute, time.Minute, time.Hour, 120},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &session{length: tt.length}
				w := s.watch(t, tt.minTTL, tt.lasting)
				if !errors.Is(w.err, context.DeadlineExceeded) {
					t.Errorf("it ended with %v", w.err)
				}
				if len(w.at) < tt.tokens-1 || len(w.at) > tt.tokens+1 || len(s.asked) > 2*tt.tokens+1 {
					t.Errorf("%d tokens, want %d; asked %d times", len(w.at), tt.tokens, len(s.asked))
				}
			})
		})
	}
}

// TestWatchOfASessionThatDoesNotRenew checks that an org that answers a refresh with the
// same token is not asked in a loop, and that no token is sent twice.
func TestWatchOfASessionThatDoesNotRenew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin, asked, sent := time.Now(), 0, 0
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
		defer cancel()
		_ = watch(ctx, func(context.Context, protocol.GetRequest) (protocol.Credential, error) {
			asked++
			n := int(time.Since(begin) / time.Hour)
			return protocol.Credential{Token: token.Token{AccessToken: secret.New(fmt.Sprint("test-access-token-", n))}, ExpiresAt: begin.Add(time.Duration(n+1) * time.Hour)}, nil
		}, protocol.GetRequest{MinTTL: time.Minute}, func(protocol.Credential) error {
			sent++
			return nil
		})
		if sent != 3 || asked > 40 {
			t.Errorf("sent %d, want 3; asked %d times", sent, asked)
		}
	})
}

func TestWatchFails(t *testing.T) {
	t.Parallel()
	final := &protocol.Error{Code: protocol.SignInAgain}
	passing := &protocol.Error{Code: protocol.TemporarilyUnavailable, Retryable: true}
	for _, tt := range []struct {
		name    string
		failing error
		at, to  time.Duration // when requests begin and stop failing
		ends    time.Duration // when the watch ends; 0 if it does not end
	}{
		{"finally, at once", final, 0, time.Hour, 1},
		{"finally, later", final, time.Minute, 24 * time.Hour, 59 * time.Minute},
		{"for a moment, at once", passing, 0, time.Second, 1}, // there is no token yet
		{"for a moment, later", passing, time.Minute, 59*time.Minute + 30*time.Second, 0},
		{"for longer than the token lasts", passing, time.Minute, 24 * time.Hour, time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, begin := &session{length: time.Hour}, time.Now()
				get := s.get
				failing := func(ctx context.Context, req protocol.GetRequest) (protocol.Credential, error) {
					s.failing = nil
					if since := time.Since(begin); since >= tt.at && since < tt.to {
						s.failing = tt.failing
					}
					return get(ctx, req)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
				defer cancel()
				err := watch(ctx, failing, protocol.GetRequest{MinTTL: time.Minute}, func(protocol.Credential) error { return nil })
				took := time.Since(begin)
				switch {
				case tt.ends == 0 && !errors.Is(err, context.DeadlineExceeded):
					t.Errorf("it ended with %v", err)
				case tt.ends > 0 && (!errors.Is(err, tt.failing) || took < tt.ends-time.Second || took > tt.ends+time.Second):
					t.Errorf("it ended after %v with %v, want %v", took, err, tt.ends)
				}
				if len(s.asked) > 20 {
					t.Errorf("it asked %d times", len(s.asked))
				}
			})
		})
	}
}

// TestWatchRejectsOnce checks that a rejected token applies to the first request alone.
func TestWatchRejectsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var forced []bool
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
		defer cancel()
		_ = watch(ctx, func(_ context.Context, req protocol.GetRequest) (protocol.Credential, error) {
			forced = append(forced, req.Force && !req.RejectedToken.Empty())
			return protocol.Credential{Token: token.Token{AccessToken: secret.New(fmt.Sprint("test-access-token-", len(forced)))}, ExpiresAt: time.Now().Add(time.Hour)}, nil
		}, protocol.GetRequest{Force: true, RejectedToken: secret.New("test-access-token-0")}, func(protocol.Credential) error { return nil })
		if len(forced) < 3 || !forced[0] || forced[1] || forced[2] {
			t.Errorf("got %v", forced)
		}
	})
}

// TestWatchEndsWithItsStream checks that a watch ends when its host does.
func TestWatchEndsWithItsStream(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	s := &session{length: time.Hour}
	if err := watch(t.Context(), s.get, protocol.GetRequest{}, func(protocol.Credential) error { return gone }); !errors.Is(err, gone) || len(s.asked) != 1 {
		t.Errorf("got %v after %d", err, len(s.asked))
	}
}
