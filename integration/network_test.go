package integration

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unicode"

	"forcecred/internal/orgtest"
)

// TestNetwork: each fault strikes an org that rotates and one that is known not
// to. What is sent again, and how often, is counted at the org, which also
// notes a refresh token that is spent twice.
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
		posts  [2]int // to the org that rotates, and to the other
		status [2]int
	}{
		{"reset before the first byte", named("reset"), 1, [2]int{1, 2}, [2]int{7, 0}},
		{"truncated answer", named("truncated"), 1, [2]int{1, 2}, [2]int{7, 0}},
		{"500", named("status-500"), 1, [2]int{1, 2}, [2]int{7, 0}},
		{"503", named("html-503"), 1, [2]int{1, 2}, [2]int{7, 0}},
		{"503 with Retry-After", named("status-503-retry-after"), 1, [2]int{2, 2}, [2]int{0, 0}},
		{"429 with Retry-After", named("status-429-retry-after"), 1, [2]int{2, 2}, [2]int{0, 0}},
		{"already being processed, three times", named("busy"), 3, [2]int{4, 4}, [2]int{0, 0}},
		{"the same in its older words", named("busy-old-text"), 3, [2]int{4, 4}, [2]int{0, 0}},
		{"already being processed, for good", named("busy"), orgtest.Always, [2]int{4, 4}, [2]int{7, 7}},
		{"a sign-in page", named("html-200"), 1, [2]int{1, 1}, [2]int{7, 7}},
		{"dead grant", named("expired-token"), 1, [2]int{1, 1}, [2]int{6, 6}},
		{"refusal", named("inactive-user"), 1, [2]int{1, 1}, [2]int{8, 8}},
		{"no answer at all", named("hang"), 1, [2]int{1, 1}, [2]int{7, 7}}, // after which there is no time for another
	} {
		for i, kind := range []string{"rotating", "not rotating"} {
			t.Run(tt.name+", "+kind, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, orgtest.Config{Rotate: i == 0, HTTP1: true})
				r.run(t.Context(), "", "get", "prod").token(t) // by which it is known whether it rotates
				r.org.FailNext(tt.times, tt.fault)
				got := r.run(t.Context(), "", "get", "prod", "--force")
				posts := r.org.Count(orgtest.Token) - 1
				if got.status != tt.status[i] || posts != tt.posts[i] {
					t.Errorf("status %d after %d posts, want %d after %d: %s", got.status, posts, tt.status[i], tt.posts[i], got.stderr)
				}
				r.org.ClearFaults()
				if r.run(t.Context(), "", "get", "prod", "--force").token(t); !r.org.Alive() {
					t.Error("the grant is dead")
				}
				t.Logf("%d posts, status %d", posts, got.status)
			})
		}
	}
}

// TestNetworkConnectionNeverMade: nothing was sent, so all tries are made.
func TestNetworkConnectionNeverMade(t *testing.T) {
	t.Parallel()
	r := newRig(t, orgtest.Config{Rotate: true})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepted atomic.Int32
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // the test has closed it
			}
			accepted.Add(1)
			conn.Close()
		}
	}()
	request := `{"org":"away","login_url":"https://` + listener.Addr().String() + `","client_id":"3MVG9.test-client-id","refresh_token":"test-refresh-token"}`
	if got := r.run(t.Context(), request, "store"); got.status != 0 {
		t.Fatal(got.stderr)
	}
	if got := r.run(t.Context(), "", "get", "away"); got.status != 7 || accepted.Load() != 4 {
		t.Errorf("TLS cut off: status %d after %d connections, want 7 after 4: %s", got.status, accepted.Load(), got.stderr)
	}
	listener.Close()
	if got := r.run(t.Context(), "", "get", "away"); got.status != 7 || !strings.Contains(got.stderr, "connection refused") {
		t.Errorf("refused: status %d: %s", got.status, got.stderr)
	}
	t.Logf("TLS never made: %d connections; then refused", accepted.Load())
}

// TestNetworkAnswerLostAfterCommit: the org has rotated, and its answer is cut
// off. As much of it as holds the new refresh token is enough to keep the login.
func TestNetworkAnswerLostAfterCommit(t *testing.T) {
	t.Parallel()
	r := newRig(t, orgtest.Config{Rotate: true, HTTP1: true})
	size := make(chan int, 1)
	r.org.FailNext(1, orgtest.Fault{Rewrite: func(answer []byte) []byte { size <- len(answer); return answer }})
	r.run(t.Context(), "", "get", "prod").token(t)
	r.org.FailNext(1, orgtest.Fault{Commit: true, End: orgtest.Truncate, Keep: <-size - 1})
	if got := r.run(t.Context(), "", "get", "prod", "--force"); got.status != 7 {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
	if r.storedToken(t) != r.org.RefreshToken() {
		t.Error("the rotated refresh token, which had arrived, is lost")
	}
	if r.run(t.Context(), "", "get", "prod", "--force").token(t); !r.org.Alive() {
		t.Error("the grant is dead")
	}

	// When nothing of it arrives, the outcome is unknown: it is told as such, and
	// the token is not sent again by the same command.
	r = newRig(t, orgtest.Config{Rotate: true, HTTP1: true})
	r.org.FailNext(orgtest.Always, orgtest.Fault{Commit: true, End: orgtest.Reset})
	if got := r.run(t.Context(), "", "get", "prod"); got.status != 7 || r.org.Count(orgtest.Token) != 1 {
		t.Errorf("status %d after %d posts, want 7 after 1: %s", got.status, r.org.Count(orgtest.Token), got.stderr)
	}
}

// listen has handle talk to each who connects to an address on loopback, until
// the test ends. The connection is closed after it.
func listen(t *testing.T, handle func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, listener, handle)
	return listener.Addr().String()
}

func serve(t *testing.T, listener net.Listener, handle func(net.Conn)) {
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // the test has closed it
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			all.Go(func() {
				defer conn.Close()
				handle(conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for _, conn := range open {
			conn.Close()
		}
		mu.Unlock()
		all.Wait()
	})
}

// hasControl reports whether text has a control character that is not the end of a line.
func hasControl(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && unicode.IsControl(r) })
}
