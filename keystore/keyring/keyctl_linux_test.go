package keyring

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/storetest"
)

// newKeyCtl returns a store in the kernel's keyring of this user, whose items
// end with the test.
func newKeyCtl(t *testing.T) (first, second *Store) {
	t.Helper()
	first, second = newStore(t, Config{Backend: KeyCtl})
	t.Cleanup(func() {
		ring := strings.TrimSpace(run(t, "", "keyctl", "search", "@u", "keyring", service))
		for id := range strings.FieldsSeq(run(t, "", "keyctl", "rlist", ring)) {
			if out, err := exec.Command("keyctl", "rdescribe", id).Output(); err == nil && strings.Contains(string(out), first.prefix) {
				run(t, "", "keyctl", "unlink", id, ring)
			}
		}
	})
	return first, second
}

// splitting is the keyring of the tests of items in parts.
const splitting = KeyCtl

func newSplitting(t *testing.T) (first, second *Store) {
	t.Helper()
	needKeyCtl(t)
	return newKeyCtl(t)
}

// needKeyCtl skips where the kernel gives no keyrings, as in many containers.
func needKeyCtl(t *testing.T) {
	t.Helper()
	need(t, "keyctl")
	if out, err := exec.Command("keyctl", "show", "@u").CombinedOutput(); err != nil {
		t.Logf("keyctl show @u: %s", out)
		lack(t, err)
	}
	if os.Getuid() != 0 && os.Getenv(innerTestVariable) == "" {
		lack(t, errors.New("the kernel's quota for an ordinary user is too small for these items"))
	}
}

func TestKeyCtl(t *testing.T) {
	t.Parallel()
	needKeyCtl(t)
	storetest.Run(t, func(t *testing.T) (keystore.Store, keystore.Store) { return newKeyCtl(t) })
}

// TestKeyCtlSession runs in a session keyring of its own, as a service of
// systemd and a job of cron do: the user's keyring is not linked there.
func TestKeyCtlSession(t *testing.T) {
	t.Parallel()
	needKeyCtl(t)
	if os.Getenv(innerTestVariable) == t.Name() {
		storetest.Run(t, func(t *testing.T) (keystore.Store, keystore.Store) { return newKeyCtl(t) })
		return
	}
	outside, _ := newKeyCtl(t)
	must(t, outside.Set(t.Context(), prod, []byte(item)))
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), "keyctl", "session", "-", self, "-test.run=^TestKeyCtlSession$")
	cmd.Env = append(os.Environ(), innerTestVariable+"="+t.Name())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	wantItem(t, outside, prod, item)
}

// keyOf returns the number of the key that holds an item of the store.
func keyOf(t *testing.T, s *Store, name string) string {
	t.Helper()
	ring := strings.TrimSpace(run(t, "", "keyctl", "search", "@u", "keyring", s.kernelRing))
	return strings.TrimSpace(run(t, "", "keyctl", "search", ring, "user", name))
}

// withdrawals are what takes a key's content away while its name is still there.
var withdrawals = map[string]func(t *testing.T, id string){
	"revoked": func(t *testing.T, id string) { run(t, "", "keyctl", "revoke", id) },
	"expired": func(t *testing.T, id string) {
		run(t, "", "keyctl", "timeout", id, "1")
		for exec.Command("keyctl", "rdescribe", id).Run() == nil {
			time.Sleep(20 * time.Millisecond)
		}
	},
	"denied": func(t *testing.T, id string) { run(t, "", "keyctl", "setperm", id, "0x00010000") }, // its user may see that it is there
	"hidden": func(t *testing.T, id string) { run(t, "", "keyctl", "setperm", id, "0") },
}

// TestKeyCtlWithdrawn has keys that were revoked, have expired, or keep everybody
// out: those of one org are no fault of the others.
func TestKeyCtlWithdrawn(t *testing.T) {
	t.Parallel()
	needKeyCtl(t)
	words := map[string]string{"revoked": "was revoked, or has expired", "expired": "was revoked, or has expired", "denied": "keep forcecred out", "hidden": "keep forcecred out"}
	for how, withdraw := range withdrawals {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s, other := newKeyCtl(t)
			dev := keystore.Key{Kind: prod.Kind, Org: "dev"}
			take := func(key keystore.Key) {
				t.Helper()
				must(t, s.Set(t.Context(), key, []byte(item)))
				name, err := s.itemName(key)
				must(t, err)
				withdraw(t, keyOf(t, s, name))
			}
			must(t, s.Set(t.Context(), dev, []byte(item)))

			take(prodToken)
			if _, err := s.Get(t.Context(), prodToken); !errors.Is(err, keystore.ErrNotFound) {
				t.Errorf("the token: %v, want ErrNotFound", err)
			}
			must(t, s.Set(t.Context(), prodToken, []byte("test-access-token-2")))
			wantItem(t, other, prodToken, "test-access-token-2")
			take(prodToken)
			must(t, s.Delete(t.Context(), prodToken))

			take(prod)
			_, err := s.Get(t.Context(), prod)
			wantError(t, err, keystore.ErrCorrupt, words[how], "store the org again")
			keys, err := s.List(t.Context(), prod.Kind)
			must(t, err)
			if !slices.Contains(keys, dev) || how != "hidden" && !slices.Contains(keys, prod) {
				t.Errorf("listed are %v", keys)
			}
			wantItem(t, other, dev, item)
			must(t, s.Set(t.Context(), prod, []byte("test-refresh-token-2")))
			wantItem(t, other, prod, "test-refresh-token-2")
			take(prod)
			must(t, s.Delete(t.Context(), prod))
			if _, err := s.Get(t.Context(), prod); !errors.Is(err, keystore.ErrNotFound) {
				t.Errorf("after it was removed: %v, want ErrNotFound", err)
			}

			// One part of two, of a token and of a grant.
			for key, reason := range map[keystore.Key]error{prodToken: keystore.ErrNotFound, prod: keystore.ErrCorrupt} {
				must(t, s.Set(t.Context(), key, large[:40000]))
				name, err := s.itemName(key)
				must(t, err)
				withdraw(t, keyOf(t, s, partName(name, slots[0], 2)))
				if _, err := s.Get(t.Context(), key); !errors.Is(err, reason) {
					t.Errorf("%s with a part that was withdrawn: %v, want %v", key, err, reason)
				}
				must(t, s.Set(t.Context(), key, large[:39000]))
				wantItem(t, other, key, string(large[:39000]))
			}

			journal := keystore.Key{Kind: keystore.KindJournal, Org: "prod"}
			take(journal)
			reason := keystore.ErrCorrupt
			if words[how] == "keep forcecred out" { // what it opens may be wanted
				reason = keystore.ErrUnavailable
			}
			_, err = s.Get(t.Context(), journal)
			wantError(t, err, reason, words[how], "")
			must(t, s.Set(t.Context(), journal, []byte(item)))
		})
	}
}

// newOwnRing returns stores with a keyring of the test's own.
func newOwnRing(t *testing.T) (first, second *Store) {
	t.Helper()
	first, second = newKeyCtl(t)
	first.kernelRing = "forcecred-" + strings.ToLower(rand.Text()[:10])
	second.kernelRing = first.kernelRing
	t.Cleanup(func() {
		if out, err := exec.Command("keyctl", "search", "@u", "keyring", first.kernelRing).Output(); err == nil {
			run(t, "", "keyctl", "unlink", strings.TrimSpace(string(out)), "@u")
		}
	})
	return first, second
}

// TestKeyCtlRing has the keyring itself missing, revoked and unlinked.
func TestKeyCtlRing(t *testing.T) {
	t.Parallel()
	needKeyCtl(t)
	s, other := newOwnRing(t)
	wantNone := func() {
		t.Helper()
		if _, err := s.Get(t.Context(), prod); !errors.Is(err, keystore.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
		must(t, s.Delete(t.Context(), prod))
		if keys, err := s.List(t.Context(), prod.Kind); err != nil || len(keys) > 0 {
			t.Errorf("keys: %v (%v), want none", keys, err)
		}
	}
	ring := func() string {
		return strings.TrimSpace(run(t, "", "keyctl", "search", "@u", "keyring", s.kernelRing))
	}
	wantNone()
	if exec.Command("keyctl", "search", "@u", "keyring", s.kernelRing).Run() == nil {
		t.Error("reading has made a keyring")
	}
	must(t, s.Set(t.Context(), prod, []byte(item)))
	wantItem(t, other, prod, item)

	run(t, "", "keyctl", "revoke", ring())
	// Linux 6.7 and newer drop a revoked keyring soon, older ones after minutes.
	if _, err := s.Get(t.Context(), prod); !errors.Is(err, keystore.ErrNotFound) {
		wantError(t, err, keystore.ErrCorrupt, "was revoked", "store the org again")
	}
	if keys, err := s.List(t.Context(), prod.Kind); err != nil || len(keys) > 0 {
		wantError(t, err, keystore.ErrUnavailable, "was revoked", "store the orgs again")
	}
	must(t, s.Set(t.Context(), prod, []byte(item)))
	wantItem(t, other, prod, item)

	run(t, "", "keyctl", "unlink", ring(), "@u")
	wantNone()
}

// ringOf names the keyring that a process of TestKeyCtlManyFirst writes to.
const ringOf = "FORCECRED_TEST_RING"

// TestKeyCtlManyFirst has processes that all find no keyring, and make one.
func TestKeyCtlManyFirst(t *testing.T) {
	t.Parallel()
	needKeyCtl(t)
	own := keystore.Key{Kind: keystore.KindGrant, Org: keystore.Org(fmt.Sprintf("org%d", os.Getpid()))}
	if name := os.Getenv(ringOf); name != "" {
		s := New(Config{Backend: KeyCtl, LockDir: os.Getenv(processLocks), Timeout: time.Minute})
		s.prefix, s.kernelRing = os.Getenv(processPrefix), name
		must(t, s.Set(t.Context(), own, []byte(item)))
		return
	}
	self, err := os.Executable()
	must(t, err)
	for range 10 {
		s, _ := newOwnRing(t)
		var done sync.WaitGroup
		for range 6 {
			done.Go(func() {
				cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestKeyCtlManyFirst$")
				cmd.Env = append(os.Environ(), ringOf+"="+s.kernelRing, processPrefix+"="+s.prefix, processLocks+"="+s.config.LockDir, "FORCECRED_KEYSTORE=keyctl")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
		done.Wait()
		if keys, err := s.List(t.Context(), keystore.KindGrant); err != nil || len(keys) != 6 {
			t.Errorf("%d items are there (%v), want 6", len(keys), err)
		}
	}
}

// TestKeyCtlSessionRevoked has a session's keyring that was revoked.
func TestKeyCtlSessionRevoked(t *testing.T) {
	t.Parallel()
	needKeyCtl(t)
	if os.Getenv(innerTestVariable) == t.Name() {
		s, other := newKeyCtl(t)
		must(t, s.Set(t.Context(), prod, []byte(item)))
		wantItem(t, other, prod, item)
		must(t, s.Delete(t.Context(), prod))
		return
	}
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), "keyctl", "session", "-", "sh", "-c", `keyctl revoke @s && exec "$0" "$@"`, self, "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), innerTestVariable+"="+t.Name())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestKeyCtlQuota runs as a user who is given 20,000 bytes in all.
func TestKeyCtlQuota(t *testing.T) {
	t.Parallel()
	needKeyCtl(t)
	if os.Getenv(innerTestVariable) == t.Name() {
		s, _ := newKeyCtl(t)
		must(t, s.Set(t.Context(), prod, []byte(item)))
		wantError(t, s.Set(t.Context(), prod, large[:30000]), keystore.ErrUnavailable, "quota", "20,000 bytes")
		wantError(t, s.Set(t.Context(), prod, large), keystore.ErrUnavailable, "quota", "20,000 bytes")
		wantItem(t, s, prod, item)
		if names := namesOf(t, s); len(names) != 1 {
			t.Errorf("left are %q, want the item alone", names)
		}
		return
	}
	home := newHome(t)
	must(t, os.Chmod(home, 0o777))
	self, err := os.Executable()
	must(t, err)
	binary, err := os.ReadFile(self)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(home, "test"), binary, 0o755))
	cmd := exec.CommandContext(t.Context(), "keyctl", "session", "-", "setpriv", "--reuid=65534", "--clear-groups", filepath.Join(home, "test"), "-test.run=^TestKeyCtlQuota$")
	cmd.Env = append(homeEnv(home), innerTestVariable+"="+t.Name(), "TMPDIR="+home)
	cmd.Dir = home
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
