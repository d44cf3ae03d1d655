package transaction

import (
	"fmt"
	"testing"

	"forcecred/internal/systrace"

	"golang.org/x/sys/unix"
)

// progress is what a worker has done, by its system calls.
type progress struct {
	t           *testing.T
	calls       int             // lasting calls
	isSent      bool            // it has begun to write the request
	sinceAnswer int             // lasting calls since it has read from the org after the request was sent, or 0
	isDurable   bool            // a file, the journal, is synced after that
	sentAt      int             // calls when isSent became true
	toOrg       map[uint64]bool // its sockets
}

// follow updates p before a call begins. It returns what to do at the end of the call.
func (p *progress) follow(c systrace.Call) (atEnd func(result int64)) {
	p.calls++
	if p.sinceAnswer > 0 && !p.isDurable {
		p.sinceAnswer++
	}
	switch c.Number {
	case unix.SYS_SOCKET:
		return func(result int64) {
			if result >= 0 {
				p.toOrg[uint64(result)] = c.Args[0] == unix.AF_INET || c.Args[0] == unix.AF_INET6
			}
		}
	case unix.SYS_WRITE:
		if !p.isSent && p.toOrg[c.Args[0]] && p.isApplicationData(c) {
			p.isSent, p.sentAt = true, p.calls
		}
	case unix.SYS_READ:
		if p.isSent && p.toOrg[c.Args[0]] {
			return func(result int64) {
				if result > 0 && !p.isDurable {
					p.sinceAnswer = 1
				}
			}
		}
	case unix.SYS_FSYNC, unix.SYS_FDATASYNC:
		return func(result int64) {
			p.isDurable = p.isDurable || p.isSent && result == 0
		}
	}
	return nil
}

// isApplicationData reports whether a write begins a TLS record that is no handshake's.
func (p *progress) isApplicationData(c systrace.Call) bool {
	data, err := c.Peek(1)
	if err != nil {
		p.t.Fatal(err)
	}
	return data[0] == 23
}

// refreshKilling runs a forced refresh whose worker is killed before the first lasting call
// at which isTime is true, after what p says. It reports false if there is none.
func refreshKilling(t *testing.T, r *sweepRig, isTime func(p *progress) bool) (p progress, killed bool) {
	t.Helper()
	p = progress{t: t, toOrg: map[uint64]bool{}}
	refreshTraced(t, r.Rig, func(from role, c systrace.Call) systrace.Action {
		if from != isWorker || !lasting[c.Number] || killed {
			return systrace.Action{}
		}
		if isTime(&p) {
			killed = true
			return systrace.Action{Kill: true}
		}
		return systrace.Action{Then: p.follow(c)}
	})
	return p, killed
}

// beforeRequest returns when a worker is about to make its n-th lasting call, or has begun
// to write the request before.
func beforeRequest(n int) func(*progress) bool {
	return func(p *progress) bool { return p.isSent || p.calls+1 == n }
}

// afterRequest returns when a worker has made n lasting calls since it began to write the
// request.
func afterRequest(n int) func(*progress) bool {
	return func(p *progress) bool { return p.isSent && p.calls-p.sentAt == n }
}

// TestWorkerSweep kills the worker at each lasting call of one refresh. A login can be lost
// only between the begin of the request and the first sync of a file after it, the journal:
// nothing but the worker has the new refresh token then. It takes each call of that window,
// and some of the others; with FORCECRED_TEST_SWEEP=all it takes each one.
func TestWorkerSweep(t *testing.T) {
	for _, store := range sweepStores {
		t.Run(store.name, func(t *testing.T) {
			if store.name == "pass" {
				needWhole(t)
			}
			r := store.open(t)
			r.Loses = true
			var table sweepTable
			try := func(isTime func(*progress) bool) (progress, bool) {
				p, killed := refreshKilling(t, r, isTime)
				got := r.next(t)
				isLost := got.Status != 0 || !r.Org.Alive()
				if table.add(p, isLost); isLost {
					r.renew()
				}
				if isLost && (!p.isSent || p.isDurable || p.sinceAnswer > afterAnswer) {
					t.Errorf("the login is lost at call %d, %d after the answer, sent %v, durable %v: %s", p.calls, p.sinceAnswer, p.isSent, p.isDurable, got.Stderr)
				}
				return p, killed
			}
			for n := 1; ; n += step(store.workerStep) {
				if p, _ := try(beforeRequest(n)); p.isSent {
					break
				}
			}
			for n := 1; ; n++ {
				p, killed := try(afterRequest(n))
				if !killed {
					break
				}
				if p.isDurable {
					n += step(store.workerStep) - 1
				}
			}
			if table.answered.points == 0 || table.after.points < 2 {
				t.Error("no points after the answer")
			}
			t.Log(table)
		})
	}
}

// sweepTable counts points and lost logins by what the worker had done.
type sweepTable struct {
	before, exchange, answered, after struct{ points, lost int }

	afterAnswer int // the most calls between the answer's last byte and a lost point
}

func (s *sweepTable) add(p progress, isLost bool) {
	row := &s.before
	switch {
	case p.isDurable:
		row = &s.after
	case p.sinceAnswer > 0:
		row = &s.answered
	case p.isSent:
		row = &s.exchange
	}
	row.points++
	if isLost {
		row.lost++
		s.afterAnswer = max(s.afterAnswer, p.sinceAnswer)
	}
}

func (s sweepTable) String() string {
	return fmt.Sprintf("killed at, lost: before the request %d, %d; until the answer %d, %d; until it is durable %d, %d; later %d, %d; the last lost point is %d calls after the answer",
		s.before.points, s.before.lost, s.exchange.points, s.exchange.lost, s.answered.points, s.answered.lost, s.after.points, s.after.lost, s.afterAnswer)
}
