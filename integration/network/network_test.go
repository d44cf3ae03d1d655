package network

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestNetwork runs each fault against an org that rotates and against one that did not
// rotate before: both may have replaced the refresh token. The org counts the retries, and reports a refresh token that
// is sent twice.
func TestNetwork(t *testing.T) {
	t.Parallel()
	named := func(name string) orgtest.Fault {
		fault, ok := orgtest.FaultNamed(name)
		if !ok {
			t.Fatalf("no fault is called %s", name)
		}
		return fault
	}
	for _, tt := range []struct {
		name   string
		fault  orgtest.Fault
		times  int
		posts  [2]int // to the rotating org, and to the other one
		status [2]int
	}{
		{"reset before the first byte", named("reset"), 1, [2]int{1, 1}, [2]int{7, 7}},
		{"truncated answer", named("truncated"), 1, [2]int{1, 1}, [2]int{7, 7}},
		{"500", named("status-500"), 1, [2]int{1, 1}, [2]int{7, 7}},
		{"503", named("html-503"), 1, [2]int{1, 1}, [2]int{7, 7}},
		{"503 with Retry-After", named("status-503-retry-after"), 1, [2]int{2, 2}, [2]int{0, 0}},
		{"429 with Retry-After", named("status-429-retry-after"), 1, [2]int{2, 2}, [2]int{0, 0}},
		{"already being processed, three times", named("busy"), 3, [2]int{4, 4}, [2]int{0, 0}},
		{"the same in its older words", named("busy-old-text"), 3, [2]int{4, 4}, [2]int{0, 0}},
		{"already being processed, for good", named("busy"), orgtest.Always, [2]int{4, 4}, [2]int{7, 7}},
		{"a sign-in page", named("html-200"), 1, [2]int{1, 1}, [2]int{7, 7}},
		{"dead grant", named("expired-token"), 1, [2]int{1, 1}, [2]int{6, 6}},
		{"refusal", named("inactive-user"), 1, [2]int{1, 1}, [2]int{8, 8}},
		{"no answer at all", named("hang"), 1, [2]int{1, 1}, [2]int{7, 7}}, // no time is left for a retry
	} {
		for i, kind := range []string{"rotating", "not rotating"} {
			t.Run(tt.name+", "+kind, func(t *testing.T) {
				t.Parallel()
				r := rig.New(t, orgtest.Config{Rotate: i == 0, HTTP1: true})
				r.Run(t.Context(), "", "get", "prod").Token(t) // the first refresh shows whether the org rotates
				r.Org.FailNext(tt.times, tt.fault)
				got := r.Run(t.Context(), "", "get", "prod", "--force")
				posts := r.Org.Count(orgtest.Token) - 1
				if got.Status != tt.status[i] || posts != tt.posts[i] {
					t.Errorf("status %d after %d posts, want %d after %d: %s", got.Status, posts, tt.status[i], tt.posts[i], got.Stderr)
				}
				r.Org.ClearFaults()
				if r.Run(t.Context(), "", "get", "prod", "--force").Token(t); !r.Org.Alive() {
					t.Error("the grant is dead")
				}
				t.Logf("%d posts, status %d", posts, got.Status)
			})
		}
	}
}

// TestNetworkConnectionNeverMade: nothing was sent, so forcecred makes all retries.
func TestNetworkConnectionNeverMade(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepted atomic.Int32
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // the test has closed the listener
			}
			accepted.Add(1)
			conn.Close()
		}
	}()
	request := `{"org":"away","login_url":"https://` + listener.Addr().String() + `","client_id":"3MVG9.test-client-id","refresh_token":"test-refresh-token"}`
	if got := r.Run(t.Context(), request, "store"); got.Status != 0 {
		t.Fatal(got.Stderr)
	}
	if got := r.Run(t.Context(), "", "get", "away"); got.Status != 7 || accepted.Load() != 4 {
		t.Errorf("TLS cut off: status %d after %d connections, want 7 after 4: %s", got.Status, accepted.Load(), got.Stderr)
	}
	listener.Close()
	if got := r.Run(t.Context(), "", "get", "away"); got.Status != 7 || !strings.Contains(got.Stderr, "connection refused") {
		t.Errorf("refused: status %d: %s", got.Status, got.Stderr)
	}
	t.Logf("TLS never made: %d connections; then refused", accepted.Load())
}

// TestNetworkAnswerLostAfterCommit: the org has rotated, and its answer is cut off.
// If the part that arrived has the new refresh token, the login is not lost.
func TestNetworkAnswerLostAfterCommit(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true, HTTP1: true})
	size := make(chan int, 1)
	r.Org.FailNext(1, orgtest.Fault{Rewrite: func(answer []byte) []byte { size <- len(answer); return answer }})
	r.Run(t.Context(), "", "get", "prod").Token(t)
	r.Org.FailNext(1, orgtest.Fault{Commit: true, End: orgtest.Truncate, Keep: <-size - 1})
	if got := r.Run(t.Context(), "", "get", "prod", "--force"); got.Status != 7 {
		t.Errorf("status %d: %s", got.Status, got.Stderr)
	}
	if r.StoredToken(t) != r.Org.RefreshToken() {
		t.Error("the rotated refresh token, which had arrived, is lost")
	}
	if r.Run(t.Context(), "", "get", "prod", "--force").Token(t); !r.Org.Alive() {
		t.Error("the grant is dead")
	}

	// If nothing arrives, the outcome is unknown. The error says so, and the command
	// does not send the token again.
	r = rig.New(t, orgtest.Config{Rotate: true, HTTP1: true})
	r.Org.FailNext(orgtest.Always, orgtest.Fault{Commit: true, End: orgtest.Reset})
	if got := r.Run(t.Context(), "", "get", "prod"); got.Status != 7 || r.Org.Count(orgtest.Token) != 1 {
		t.Errorf("status %d after %d posts, want 7 after 1: %s", got.Status, r.Org.Count(orgtest.Token), got.Stderr)
	}
}
