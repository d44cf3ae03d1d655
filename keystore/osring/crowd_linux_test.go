package osring

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"forcecred/keystore"
)

func TestProcesses(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if os.Getenv(processPrefix) == "" {
		if !onBus(t) {
			return
		}
		startKeyring(t)
	}
	testProcesses(t, SecretService)
}

func TestProcessesKeyCtl(t *testing.T) {
	needKeyCtl(t)
	testProcesses(t, KeyCtl)
}

// processPrefix and processLocks tell a process of testProcesses what to use.
const (
	processPrefix = "FORCECRED_TEST_PREFIX"
	processLocks  = "FORCECRED_TEST_LOCKS"
)

// testProcesses writes from three processes at once, each its own orgs and an
// item that they share, which the kernel's keyring holds in parts.
func testProcesses(t *testing.T, backend Backend) {
	const rounds = 15
	shared := func(round int) []byte { return slices.Repeat([]byte{byte('a' + round)}, 40000+round) }
	if prefix := os.Getenv(processPrefix); prefix != "" {
		s, _ := newStore(t, Config{Backend: backend, LockDir: os.Getenv(processLocks)})
		s.prefix = prefix
		for i := range rounds {
			own := keystore.Key{Kind: keystore.KindGrant, Org: keystore.Org(fmt.Sprintf("org%d-%d", os.Getpid(), i))}
			must(t, s.Set(t.Context(), own, []byte(item)))
			must(t, s.Set(t.Context(), prodToken, shared(i)))
			wantItem(t, s, own, item)
			got, err := s.Get(t.Context(), prodToken)
			must(t, err)
			if !slices.Equal(got, shared(int(got[0]-'a'))) {
				t.Errorf("an item of %d bytes that nobody wrote", len(got))
			}
		}
		return
	}
	s, _ := newStore(t, Config{Backend: backend})
	if backend == KeyCtl {
		s, _ = newKeyCtl(t)
	}
	self, err := os.Executable()
	must(t, err)
	var done sync.WaitGroup
	for range 3 {
		done.Go(func() {
			cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$")
			cmd.Env = append(os.Environ(), processPrefix+"="+s.prefix, processLocks+"="+s.config.LockDir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	done.Wait()
	keys, err := s.Keys(t.Context(), keystore.KindGrant)
	if err != nil || len(keys) != 3*rounds {
		t.Errorf("%d keys (%v), want %d", len(keys), err, 3*rounds)
	}
	wantItem(t, s, prodToken, string(shared(rounds-1)))
	if keys, err := s.Keys(t.Context(), keystore.KindToken); err != nil || len(keys) != 1 {
		t.Errorf("%d tokens (%v), want 1", len(keys), err)
	}
}

// TestCrowd has 200 orgs beside 200 items of other programs, and a large one.
func TestCrowd(t *testing.T) {
	need(t, "gnome-keyring-daemon", "dbus-send")
	if !onBus(t) {
		return
	}
	startKeyring(t)
	s, _ := newStore(t, Config{Backend: SecretService})
	const many = 200
	for i := range many {
		inRing(t, s, func(turn *turn) error {
			return errors.Join(
				turn.set(fmt.Sprintf("aws-vault-%d", i), []byte("foreign")),
				turn.set(fmt.Sprintf("%sorg/org%d", s.prefix, i), []byte(item)))
		})
	}
	must(t, s.Set(t.Context(), prodToken, make([]byte, maxItem)))
	begin := time.Now()
	keys, err := s.Keys(t.Context(), keystore.KindGrant)
	if err != nil || len(keys) != many {
		t.Errorf("%d keys (%v), want %d", len(keys), err, many)
	}
	t.Logf("%d keys of %d items in %v", len(keys), 2*many+1, time.Since(begin))
	wantItem(t, s, keys[0], item)
	wantItem(t, s, prodToken, string(make([]byte, maxItem)))
}
