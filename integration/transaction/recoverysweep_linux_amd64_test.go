package transaction

import (
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/systrace"

	"golang.org/x/sys/unix"
)

// TestRecoverySweep kills the worker that moves a refresh token from the journal into the
// keystore, at each lasting call before it sends that token. No login is lost.
func TestRecoverySweep(t *testing.T) {
	for _, store := range sweepStores {
		t.Run(store.name, func(t *testing.T) {
			if store.name == "pass" {
				needWhole(t)
			}
			r := store.open(t)
			r.Loses = true
			points := 0
			for n := 1; ; n += step(48) {
				isSealed := func(p *progress) bool { return p.isDurable }
				if p, killed := refreshKilling(t, r, isSealed); !killed {
					t.Fatalf("nothing was sealed: %+v", p)
				}
				r.expireLocks(t)
				p, killed := refreshKilling(t, r, beforeRequest(n))
				got := r.next(t)
				if p.isSent || !killed {
					r.renew()
					break
				}
				points++
				if got.Status != 0 || !r.Org.Alive() {
					t.Fatalf("the login is lost at call %d: status %d: %s", n, got.Status, got.Stderr)
				}
			}
			if points < 5 {
				t.Errorf("only %d points", points)
			}
			t.Logf("killed at %d points, 0 logins lost", points)
		})
	}
}

// TestPassSweep kills each program that pass runs for a refresh (its shell, gpg) at the calls
// that change files or start programs. A write of pass is whole or has no effect: no login
// is lost.
func TestPassSweep(t *testing.T) {
	needWhole(t)
	r := onKeystore("pass", rig.StartPass)(t)
	points := 0
	for n := 1; ; n++ {
		calls, hasWorker, killed := 0, false, false
		got := refreshTraced(t, r.Rig, func(from role, c systrace.Call) systrace.Action {
			hasWorker = hasWorker || from == isWorker
			if from != isOther || !hasWorker || !writingCalls[c.Number] && c.Number != unix.SYS_EXECVE && c.Number != unix.SYS_EXIT_GROUP {
				return systrace.Action{}
			}
			if calls++; calls != n {
				return systrace.Action{}
			}
			killed = true
			return systrace.Action{Kill: true}
		})
		if !killed {
			break
		}
		points++
		if next := r.next(t); next.Status != 0 || !r.Org.Alive() {
			t.Fatalf("the login is lost at call %d: status %d: %sthen %d: %s", n, got.Status, got.Stderr, next.Status, next.Stderr)
		}
	}
	if points < 5 {
		t.Errorf("only %d points", points)
	}
	t.Logf("killed at %d points, 0 logins lost", points)
}
