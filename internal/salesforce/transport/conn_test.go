package transport

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"
)

// TestNoAnswerResetsConnection: without a whole answer, the connection is closed before
// the call returns, and unsent data is discarded.
func TestNoAnswerResetsConnection(t *testing.T) {
	t.Parallel()
	for _, route := range routes {
		for name, answer := range map[string]func(w http.ResponseWriter, leave func()){
			"the caller leaves before the answer": func(_ http.ResponseWriter, leave func()) { leave() },
			"the caller leaves within the answer": func(w http.ResponseWriter, leave func()) {
				w.Header().Set("Content-Length", "100")
				_, _ = io.WriteString(w, `{"access_token":`)
				_ = http.NewResponseController(w).Flush()
				leave()
			},
			"the answer is not gzip, as it says": func(w http.ResponseWriter, _ func()) {
				w.Header().Set("Content-Encoding", "gzip")
				_, _ = io.WriteString(w, `{"error":"invalid_grant"}`)
				_ = http.NewResponseController(w).Flush()
			},
		} {
			t.Run(route.name+", "+name, func(t *testing.T) {
				t.Parallel()
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				ended := make(chan struct{})
				p := newPath(t, route, func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					answer(w, leave)
					// A write would consume the error that reports the reset.
					<-ended
				})
				defer close(ended)
				_, fail := p.post(ctx)
				if fail == nil || fail.Reason != Lost {
					t.Errorf("failure %v, want the reason %v", fail, Lost)
				}
				if all, open := p.dialed(); all != 1 || open != 0 {
					t.Errorf("%d connections, of which %d are open", all, open)
				}
				p.next.wantReset(t)
			})
		}
	}
}

// TestAnswerLeavesConnectionOrderly: after a whole answer the connection serves the
// next request, unless that wants a new connection. It ends without a reset.
func TestAnswerLeavesConnectionOrderly(t *testing.T) {
	t.Parallel()
	for _, route := range routes {
		t.Run(route.name, func(t *testing.T) {
			t.Parallel()
			p := newPath(t, route, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				_, _ = io.WriteString(w, "{}")
			})
			for step, want := range []int{1, 1, 1, 2} {
				send := p.client.Send
				if step == 0 || step == 3 {
					send = func(ctx context.Context, req *http.Request) (Response, *Error) {
						return p.client.SendOnNewConnection(ctx, req, nil)
					}
				}
				if _, fail := send(t.Context(), newPost(p.host)); fail != nil {
					t.Fatal(fail)
				}
				if all, _ := p.dialed(); all != want {
					t.Errorf("%d connections after request %d, want %d", all, step, want)
				}
			}
			_ = p.next.end(t) // of the older one: a host has one idle connection

			// The TLS closing alert to a closed connection would cause a reset.
			p.next.mute.Store(true)
			if route.name != "HTTP/2" { // whose connection ends after idleTimeout
				host, err := url.Parse(p.host)
				if err != nil {
					t.Fatal(err)
				}
				p.client.idle.swap(host.Host, nil).http.Close()
			}
			p.next.wantOrderly(t)
		})
	}
}

// TestFailureLeavesOtherRequests: a client aborts the failed request, and no other that
// is running.
func TestFailureLeavesOtherRequests(t *testing.T) {
	t.Parallel()
	for _, route := range routes[:2] {
		t.Run(route.name, func(t *testing.T) {
			t.Parallel()
			arrived, answer := make(chan struct{}), make(chan struct{})
			p := newPath(t, route, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				arrived <- struct{}{}
				<-answer
				_, _ = io.WriteString(w, "{}")
			})
			var others sync.WaitGroup
			for range 3 {
				others.Go(func() {
					if _, fail := p.post(t.Context()); fail != nil {
						t.Error(fail)
					}
				})
				<-arrived
			}
			ctx, leave := context.WithCancel(t.Context())
			failed := make(chan *Error)
			go func() {
				_, fail := p.post(ctx)
				failed <- fail
			}()
			<-arrived
			leave()
			if fail := <-failed; fail == nil {
				t.Error("a request whose caller has left has an answer")
			}
			p.next.wantReset(t)
			close(answer)
			others.Wait()
		})
	}
}

// TestAnswerThatHasArrived: the process was stopped until after the timeout. The answer that
// arrived meanwhile is read.
func TestAnswerThatHasArrived(t *testing.T) {
	t.Parallel()
	for _, route := range routes {
		t.Run(route.name, func(t *testing.T) {
			t.Parallel()
			arrived, answer := make(chan struct{}), make(chan struct{})
			p := newPath(t, route, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				close(arrived)
				<-answer
				_, _ = io.WriteString(w, "{}")
			})
			timeout := make(chan time.Time)
			p.client.after = func(time.Duration) <-chan time.Time { return timeout }
			go func() {
				<-arrived
				timeout <- time.Now()
				close(answer)
			}()
			if got, fail := p.post(t.Context()); fail != nil || string(got.Body) != "{}" {
				t.Errorf("the answer is not read: %v", fail)
			}
		})
	}
}
