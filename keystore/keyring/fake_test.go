package keyring

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"forcecred/keystore"
	"forcecred/keystore/storetest"

	"github.com/99designs/keyring"
)

// fake is a keyring of the library's kind, for what no machine at hand has:
// Credential Manager folds the case of names and takes 2,560 bytes, the
// keychain says "not found" while it is locked.
type fake struct {
	mu     sync.Mutex
	items  map[string]keyring.Item // by folded name
	limit  int
	mode   string // "" or the way it fails
	writes int    // that it still takes in the mode "full"
}

var errFull = errors.New("the stub received bad data")

func (f *fake) Get(key string) (keyring.Item, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	item, ok := f.items[strings.ToLower(key)]
	switch {
	case f.mode == "panic":
		panic(item)
	case f.mode == "no session":
		return keyring.Item{}, errNoSession
	case f.mode == "print":
		fmt.Println(string(item.Data))
	case !ok, f.mode == "locked":
		return keyring.Item{}, keyring.ErrKeyNotFound
	}
	return item, nil
}

func (f *fake) GetMetadata(string) (keyring.Metadata, error) {
	return keyring.Metadata{}, keyring.ErrMetadataNotSupported
}

func (f *fake) Set(item keyring.Item) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.mode == "deaf":
		return nil
	case f.mode == "no session":
		return errNoSession
	case f.limit > 0 && len(item.Data) > f.limit:
		return errFull
	case f.mode == "full" && f.writes == 0:
		return errFull
	}
	f.writes--
	item.Data = slices.Clone(item.Data)
	f.items[strings.ToLower(item.Key)] = item
	return nil
}

func (f *fake) Remove(key string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.items[strings.ToLower(key)]; !ok {
		return keyring.ErrKeyNotFound
	}
	if f.mode != "deaf" {
		delete(f.items, strings.ToLower(key))
	}
	return nil
}

// Keys returns names beside ours that are none of ours.
func (f *fake) Keys() ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mode == "no session" {
		return nil, nil
	}
	names := []string{"foreign", "forcecred", "forcecred:", "forcecred:org/", "forcecred:org/-x", "forcecred:Org/prod", "forcecred:org/Prod"}
	for _, item := range f.items {
		names = append(names, item.Key)
	}
	return names, nil
}

func newFake(t *testing.T, backend Backend) (first, second *Store, ring *fake) {
	ring = &fake{items: map[string]keyring.Item{}}
	if backend == WinCred {
		ring.limit = 2560
	}
	config := Config{Backend: backend, LockDir: t.TempDir()}
	first, second = New(config), New(config)
	for _, s := range []*Store{first, second} {
		s.open = func() (keyring.Keyring, error) { return ring, nil }
	}
	return first, second, ring
}

func TestFakes(t *testing.T) {
	t.Parallel()
	for _, backend := range []Backend{WinCred, Keychain} {
		t.Run(string(backend), func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(t *testing.T) (keystore.Store, keystore.Store) {
				first, second, _ := newFake(t, backend)
				return first, second
			})
		})
	}
}

func TestKeychainLocked(t *testing.T) {
	t.Parallel()
	s, _, ring := newFake(t, Keychain)
	must(t, s.Set(t.Context(), prod, []byte(item)))
	ring.mode = "locked"
	_, err := s.Get(t.Context(), prod)
	wantFault(t, err, keystore.ErrLocked, "does not give it", "security unlock-keychain")
	_, err = s.Get(t.Context(), keystore.Key{Kind: prod.Kind, Org: "dev"})
	if !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// TestNoSession has a login over SSH, in which Credential Manager answers
// nobody, and the library lists nothing.
func TestNoSession(t *testing.T) {
	t.Parallel()
	s, _, ring := newFake(t, WinCred)
	ring.mode = "no session"
	const words, hint = "this login has no Credential Manager", "Remote Desktop"
	_, err := s.Get(t.Context(), prod)
	wantFault(t, err, keystore.ErrUnavailable, words, hint)
	wantFault(t, s.Set(t.Context(), prod, []byte(item)), keystore.ErrUnavailable, words, hint)
	_, err = s.List(t.Context(), prod.Kind)
	wantFault(t, err, keystore.ErrUnavailable, words, hint)
}

func TestNothingKept(t *testing.T) {
	t.Parallel()
	for _, backend := range []Backend{WinCred, Keychain} {
		s, _, ring := newFake(t, backend)
		must(t, s.Set(t.Context(), prod, []byte("test-refresh-token-0")))
		ring.mode = "deaf"
		wantFault(t, s.Set(t.Context(), prod, []byte(item)), keystore.ErrUnavailable, "did not keep the item", "")
		wantFault(t, s.Set(t.Context(), prodToken, []byte(item)), keystore.ErrUnavailable, "did not keep the item", "")
		wantFault(t, s.Delete(t.Context(), prod), keystore.ErrUnavailable, "did not remove", "")
	}
}

// TestFullKeepsTheOld runs out of room at each step of a write in parts.
func TestFullKeepsTheOld(t *testing.T) {
	t.Parallel()
	old, next := strings.Repeat("o", 6000), strings.Repeat("n", 9000)
	for room := range 5 { // four parts and a head
		s, other, ring := newFake(t, WinCred)
		must(t, s.Set(t.Context(), prod, []byte(old)))
		before := len(ring.items)
		ring.mode, ring.writes = "full", room
		wantFault(t, s.Set(t.Context(), prod, []byte(next)), keystore.ErrUnavailable, "bad data", "")
		wantItem(t, other, prod, old)
		if len(ring.items) != before {
			t.Errorf("room for %d: %d items are there, want %d", room, len(ring.items), before)
		}
	}
}

func TestLibraryMisbehaves(t *testing.T) {
	t.Parallel()
	s, _, ring := newFake(t, WinCred)
	must(t, s.Set(t.Context(), prod, []byte(item)))
	ring.mode = "panic"
	_, err := s.Get(t.Context(), prod)
	wantFault(t, err, keystore.ErrUnavailable, "gave up", "")
}

func TestStdoutIsGuarded(t *testing.T) {
	if os.Getenv(insideOf) == "" {
		t.Parallel()
		self, err := os.Executable()
		must(t, err)
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), insideOf+"="+t.Name())
		out, err := cmd.Output()
		must(t, err)
		if strings.Contains(string(out), item) || !strings.Contains(string(out), "ours") {
			t.Error("what the library prints comes out on the standard output")
		}
		return
	}
	os.Stdout = os.NewFile(uintptr(syscall.Stdout), "stdout") // before TestMain changed it
	s, _, ring := newFake(t, WinCred)
	must(t, s.Set(t.Context(), prod, []byte(item)))
	ring.mode = "print"
	wantItem(t, s, prod, item)
	fmt.Println("ours")
}

func TestUnknownBackend(t *testing.T) {
	t.Parallel()
	for _, backend := range []Backend{"", "file", "nonsense", Keychain} {
		s := New(Config{Backend: backend, LockDir: t.TempDir()})
		if slices.Contains(Available(), backend) {
			continue
		}
		_, err := s.Get(t.Context(), prod)
		wantFault(t, err, keystore.ErrUnavailable, fmt.Sprintf("no keyring %q", backend), "FORCECRED_KEYSTORE")
	}
}
