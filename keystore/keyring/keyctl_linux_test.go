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

// newKeyCtl returns a store in this user's keyring of the kernel. Its items end with the
// test.
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

// splitting is the backend of the tests of split items.
const splitting = KeyCtl

func newSplitting(t *testing.T) (first, second *Store) {
	t.Helper()
	needKeyCtl(t)
	return newKeyCtl(t)
}

// needKeyCtl skips the test if the kernel gives no keyrings, as in many containers.
func needKeyCtl(t *testing.T) {
	t.Helper()
	need(t, "keyctl")
	if out, err := exec.Command("keyctl", "show", "@u").CombinedOutput(); err != nil {
		t.Logf("keyctl show @u: %s", out)
		skipOrFail(t, err)
	}
	if os.Getuid() != 0 && os.Getenv(innerTestVariable) == "" {
		skipOrFail(t, errors.New("the kernel's quota for an ordinary user is too small for these items"))
	}
}

func TestKeyCtl(t *testing.T) {
	t.Parallel()
	needKeyCtl(t)
	storetest.Run(t, func(t *testing.T) (keystore.Store, keystore.Store) { return newKeyCtl(t) })
}

// TestKeyCtlSession runs in a session keyring of its own, like a service of systemd or a job
// of cron: that keyring has no link to the user's keyring.
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

// keyOf returns the id of an item's key.
func keyOf(t *testing.T, s *Store, name string) string {
	t.Helper()
	ring := strings.TrimSpace(run(t, "", "keyctl", "search", "@u", "keyring", s.kernelRing))
	return strings.TrimSpace(run(t, "", "keyctl", "search", ring, "user", name))
}

// withdrawals make a key's content unreadable, while its name is still there.
var withdrawals = map[string]func(t *testing.T, id string){
	"revoked": func(t *testing.T, id string) { run(t, "", "keyctl", "revoke", id) },
	"expired": func(t *testing.T, id string) {
		run(t, "", "keyctl", "timeout", id, "1")
		for exec.Command("keyctl", "rdescribe", id).Run() == nil {
			time.Sleep(20 * time.Millisecond)
		}
	},
	"denied": func(t *testing.T, id string) { run(t, "", "keyctl", "setperm", id, "0x00010000") }, // its user may see the key, and nothing else
	"hidden": func(t *testing.T, id string) { run(t, "", "keyctl", "setperm", id, "0") },
}

// TestKeyCtlWithdrawn: keys were revoked, have expired, or deny access. Other orgs are not
// affected.
func TestKeyCtlWithdrawn(t *testing.T) {
	t.Parallel()
	needKeyCtl(t)
	texts := map[string]string{"revoked": "was revoked, or has expired", "expired": "was revoked, or has expired", "denied": "denies forcecred access", "hidden": "denies forcecred access"}
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
			wantError(t, err, keystore.ErrCorrupt, texts[how], "store the org again")
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

			// One of two parts, of a token and of a grant.
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
			if texts[how] == "denies forcecred access" { // the journal entry may be needed
				reason = keystore.ErrUnavailable
			}
			_, err = s.Get(t.Context(), journal)
			wantError(t, err, reason, texts[how], "")
			must(t, s.Set(t.Context(), journal, []byte(item)))
		})
	}
}

// newOwnRing returns a store in a kernel's keyring of its own.
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

// TestKeyCtlRing: the keyring itself is missing, revoked and unlinked.
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
		t.Error("reading has created a keyring")
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

// ringVariable has the keyring of a process of TestKeyCtlCreatedOnce.
const ringVariable = "FORCECRED_TEST_RING"

// TestKeyCtlCreatedOnce: many processes find no keyring at once, and create one.
func TestKeyCtlCreatedOnce(t *testing.T) {
	t.Parallel()
	needKeyCtl(t)
	own := keystore.Key{Kind: keystore.KindGrant, Org: keystore.Org(fmt.Sprintf("org%d", os.Getpid()))}
	if name := os.Getenv(ringVariable); name != "" {
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
				cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestKeyCtlCreatedOnce$")
				cmd.Env = append(os.Environ(), ringVariable+"="+s.kernelRing, processPrefix+"="+s.prefix, processLocks+"="+s.config.LockDir, "FORCECRED_KEYSTORE=keyctl")
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

// TestKeyCtlSessionRevoked: the session's keyring was revoked.
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

// TestKeyCtlQuota runs as an ordinary user, whose quota is 20,000 bytes.
func TestKeyCtlQuota(t *testing.T) {
	t.Parallel()
	needKeyCtl(t)
	if os.Getenv(innerTestVariable) == t.Name() {
		s, _ := newKeyCtl(t)
		must(t, s.Set(t.Context(), prod, []byte(item)))
		wantError(t, s.Set(t.Context(), prod, large[:30000]), keystore.ErrUnavailable, "quota", "20,000 bytes")
		wantError(t, s.Set(t.Context(), prod, large), keystore.ErrUnavailable, "quota", "20,000 bytes")
		wantItem(t, s, prod, item)
		if names := listNames(t, s); len(names) != 1 {
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
	cmd.Env = append(environOf(home), innerTestVariable+"="+t.Name(), "TMPDIR="+home)
	cmd.Dir = home
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestProcessesKeyCtl(t *testing.T) {
	needKeyCtl(t)
	testProcesses(t, KeyCtl, newKeyCtl)
}
