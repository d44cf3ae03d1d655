//go:build linux || windows

package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"forcecred/keystore"
)

// large needs three parts in the splitting keyring.
var large = bytes.Repeat([]byte("01234"), splitting.ItemLimit()/2)

func TestSplitItems(t *testing.T) {
	t.Parallel()
	first, second := newSplitting(t)
	for _, tt := range []struct {
		item  []byte
		names int
	}{
		{large, 4}, {large[1:], 4}, {[]byte("small"), 1}, {large, 4}, {large[:splitting.ItemLimit()+1], 3}, {nil, 1}, {[]byte(manifestMagic), 1}, {[]byte(manifestMagic + "x a 3 y\n"), 1},
	} {
		must(t, first.Set(t.Context(), prodToken, tt.item))
		wantItem(t, second, prodToken, string(tt.item))
		if got := len(listNames(t, first)); got != tt.names {
			t.Errorf("an item of %d bytes has %d names, want %d", len(tt.item), got, tt.names)
		}
		keys, err := second.List(t.Context(), keystore.KindToken)
		if err != nil || !slices.Equal(keys, []keystore.Key{prodToken}) {
			t.Errorf("keys: %v (%v), want the item alone", keys, err)
		}
	}
	must(t, first.Set(t.Context(), prodToken, large))
	must(t, first.Delete(t.Context(), prodToken))
	if names := listNames(t, first); len(names) != 0 {
		t.Errorf("left are %q", names)
	}
}

// TestTorn removes or changes a part or the manifest of a split item.
func TestTorn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		damage func(session *session, parts []string) error
	}{
		{"a part is missing", func(session *session, parts []string) error { return session.delete(parts[1]) }},
		{"a part is replaced", func(session *session, parts []string) error { return session.set(parts[1], []byte("foreign")) }},
		{"a part is too large", func(session *session, parts []string) error {
			return session.set(parts[2], large[:splitting.ItemLimit()])
		}},
		{"the manifest is cut", func(session *session, parts []string) error {
			return session.set(session.prefix+"token/prod", []byte(manifestMagic+"x a 3"))
		}},
		{"the manifest has an unknown slot", func(session *session, _ []string) error {
			return session.set(session.prefix+"token/prod", []byte(manifestMagic+"x c 3 y\n"))
		}},
		{"the manifest has a negative number of parts", func(session *session, parts []string) error {
			return session.set(session.prefix+"token/prod", []byte(manifestMagic+"x a -1 y\n"))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, _ := newSplitting(t)
			for _, key := range []keystore.Key{prod, prodToken} {
				must(t, s.Set(t.Context(), key, large))
			}
			inSession(t, s, func(session *session) error {
				names, err := session.list()
				names = slices.DeleteFunc(names, func(name string) bool { return !strings.Contains(name, "token/prod"+partMark) })
				slices.Sort(names)
				return errors.Join(err, tt.damage(session, names))
			})
			if got, err := s.Get(t.Context(), prodToken); !errors.Is(err, keystore.ErrNotFound) {
				t.Errorf("got %d bytes (%v), want ErrNotFound", len(got), err)
			}
			wantItem(t, s, prod, string(large))
			must(t, s.Set(t.Context(), prodToken, large))
			wantItem(t, s, prodToken, string(large))
			if got := len(listNames(t, s)); got != 8 {
				t.Errorf("%d names, want 8", got)
			}
		})
	}
}

// TestTornGrant: a torn grant is not ErrNotFound, because no refresh replaces it.
func TestTornGrant(t *testing.T) {
	t.Parallel()
	s, _ := newSplitting(t)
	must(t, s.Set(t.Context(), prod, large))
	names := listNames(t, s)
	slices.Sort(names)
	inSession(t, s, func(session *session) error { return session.delete(names[2]) })
	_, err := s.Get(t.Context(), prod)
	wantError(t, err, keystore.ErrCorrupt, "part", "store it again")
}

// writeParts does what a writer does before its last step.
func writeParts(session *session, item []byte) error {
	name := session.prefix + "token/prod"
	old, err := session.readManifest(name)
	if err == nil {
		_, err = session.split(name, old, item)
	}
	return err
}

// TestStaleParts: a writer died before its last step, and left its parts.
func TestStaleParts(t *testing.T) {
	t.Parallel()
	s, _ := newSplitting(t)
	for _, tt := range []struct {
		old, next []byte
		names     int
	}{
		{[]byte("old"), []byte("new"), 1}, {[]byte("old"), large[:splitting.ItemLimit()+1], 3}, {large, []byte("new"), 1}, {large, large[:splitting.ItemLimit()+1], 3},
	} {
		must(t, s.Set(t.Context(), prodToken, tt.old))
		inSession(t, s, func(session *session) error {
			return writeParts(session, slices.Concat(large, large))
		})
		wantItem(t, s, prodToken, string(tt.old))
		must(t, s.Set(t.Context(), prodToken, tt.next))
		wantItem(t, s, prodToken, string(tt.next))
		if names := listNames(t, s); len(names) != tt.names {
			t.Errorf("left are %q, want %d", names, tt.names)
		}
	}
	inSession(t, s, func(session *session) error {
		return writeParts(session, large)
	})
	must(t, s.Delete(t.Context(), prodToken))
	if names := listNames(t, s); len(names) != 0 {
		t.Errorf("left are %q", names)
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	s, _ := newSplitting(t)
	must(t, s.Set(t.Context(), prod, []byte(item)))
	wantError(t, s.Set(t.Context(), prod, make([]byte, MaxItem+1)), keystore.ErrUnavailable, "more than 1048576 bytes", "")
	wantItem(t, s, prod, item)
	whole := bytes.Repeat([]byte{'x'}, MaxItem)
	must(t, s.Set(t.Context(), prod, whole))
	wantItem(t, s, prod, string(whole))
}

// Variables of the processes that testProcesses starts.
const (
	processPrefix = "FORCECRED_TEST_PREFIX"
	processLocks  = "FORCECRED_TEST_LOCKS"
)

// testProcesses writes from three processes at once. Each writes its own orgs and an item
// that they share, which keyrings with a limit split.
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
