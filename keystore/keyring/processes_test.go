//go:build linux || windows

package keyring

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"

	"forcecred/keystore"
)

// processPrefix and processLocks tell a process of testProcesses what to use.
const (
	processPrefix = "FORCECRED_TEST_PREFIX"
	processLocks  = "FORCECRED_TEST_LOCKS"
)

// testProcesses writes from three processes at once, each its own orgs and an
// item that they share, which keyrings with a limit hold in parts.
func testProcesses(t *testing.T, backend Backend, open func(*testing.T) (first, second *Store)) {
	const rounds = 15
	shared := func(round int) []byte {
		return slices.Repeat([]byte{byte('a' + round)}, splitting.ItemLimit()+1000+round)
	}
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
	s, _ := open(t)
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
	keys, err := s.List(t.Context(), keystore.KindGrant)
	if err != nil || len(keys) != 3*rounds {
		t.Errorf("%d keys (%v), want %d", len(keys), err, 3*rounds)
	}
	wantItem(t, s, prodToken, string(shared(rounds-1)))
	if keys, err := s.List(t.Context(), keystore.KindToken); err != nil || len(keys) != 1 {
		t.Errorf("%d tokens (%v), want 1", len(keys), err)
	}
}
