package transaction

import (
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/systrace"

	"golang.org/x/sys/unix"
)

// journaled are the keystores of the sweeps, with their new refresh token in the journal: a
// keyring has it there at first, the others if their disk is full.
func journaled() (stores []sweepStore) {
	for _, store := range sweepStores {
		store.isFull, store.isRenamed = store.isRenamed, false
		stores = append(stores, store)
	}
	return stores
}

// TestSealSweep kills the worker at each lasting call that seals a refresh token while the
// disk of the keystore is full. The login is lost only until the journal is synced.
// TestWorkerSweep does it with keyrings, which seal each refresh token.
func TestSealSweep(t *testing.T) {
	for _, store := range journaled() {
		if !store.isFull {
			continue
		}
		t.Run(store.name, func(t *testing.T) {
			r := store.open(t)
			r.Loses = true
			points, lost := 0, 0
			for n := 1; ; n += step(6) {
				p, killed := refreshKilling(t, store, r, afterRequest(n))
				if !killed && !p.isSynced {
					t.Fatalf("nothing was sealed: %+v", p)
				} else if !killed {
					break
				}
				points++
				if got := r.next(t); got.Status == 0 && r.Org.Alive() {
					continue
				} else if !p.isSent || p.isSynced {
					t.Errorf("the login is lost at call %d, sent %v, sealed %v: %s", n, p.isSent, p.isSynced, got.Stderr)
				}
				lost++
				r.renew()
			}
			t.Logf("killed at %d points, %d logins lost, none after the journal was synced", points, lost)
		})
	}
}

// TestRecoverySweep kills the worker that moves a refresh token from the journal into the
// keystore, at each lasting call before it sends that token. No login is lost.
func TestRecoverySweep(t *testing.T) {
	for _, store := range journaled() {
		t.Run(store.name, func(t *testing.T) {
			if store.name == "pass" {
				needWhole(t)
			}
			r := store.open(t)
			r.Loses = true
			points := 0
			for n := 1; ; n += step(48) {
				isSealed := func(p *progress) bool { return p.isSynced }
				if p, killed := refreshKilling(t, store, r, isSealed); !killed {
					t.Fatalf("nothing was sealed: %+v", p)
				}
				r.expireLocks(t)
				whole := store
				whole.isFull = false
				p, killed := refreshKilling(t, whole, r, beforeRequest(n))
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
