package osring

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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

// parted is the keyring of the tests of items in parts.
const parted = KeyCtl

func newParted(t *testing.T) (first, second *Store) {
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
	if os.Getuid() != 0 && os.Getenv(insideOf) == "" {
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
	if os.Getenv(insideOf) == t.Name() {
		storetest.Run(t, func(t *testing.T) (keystore.Store, keystore.Store) { return newKeyCtl(t) })
		return
	}
	outside, _ := newKeyCtl(t)
	must(t, outside.Set(t.Context(), prod, []byte(item)))
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), "keyctl", "session", "-", self, "-test.run=^TestKeyCtlSession$")
	cmd.Env = append(os.Environ(), insideOf+"="+t.Name())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	wantItem(t, outside, prod, item)
}

// TestKeyCtlDenied takes away all permissions of the items.
func TestKeyCtlDenied(t *testing.T) {
	t.Parallel()
	needKeyCtl(t)
	s, _ := newKeyCtl(t)
	must(t, s.Set(t.Context(), prod, []byte(item)))
	name, err := s.itemName(prod)
	must(t, err)
	ring := strings.TrimSpace(run(t, "", "keyctl", "search", "@u", "keyring", service))
	for id := range strings.FieldsSeq(run(t, "", "keyctl", "rlist", ring)) {
		if out, err := exec.Command("keyctl", "rdescribe", id).Output(); err == nil && strings.HasSuffix(strings.TrimSpace(string(out)), name) {
			run(t, "", "keyctl", "setperm", id, "0x00010000") // its user may see that it is there
		}
	}
	_, err = s.Get(t.Context(), prod)
	wantFault(t, err, keystore.ErrUnavailable, "permission denied", "kernel's keyring")
}

// TestKeyCtlQuota runs as a user who is given 20,000 bytes in all.
func TestKeyCtlQuota(t *testing.T) {
	t.Parallel()
	needKeyCtl(t)
	if os.Getenv(insideOf) == t.Name() {
		s, _ := newKeyCtl(t)
		must(t, s.Set(t.Context(), prod, []byte(item)))
		wantFault(t, s.Set(t.Context(), prod, large[:30000]), keystore.ErrUnavailable, "quota", "20,000 bytes")
		wantFault(t, s.Set(t.Context(), prod, large), keystore.ErrUnavailable, "quota", "20,000 bytes")
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
	cmd.Env = append(homeEnv(home), insideOf+"="+t.Name(), "TMPDIR="+home)
	cmd.Dir = home
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
