package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"forcecred/internal/hints"
	"forcecred/keystore"
	"forcecred/keystore/storetest"

	"github.com/99designs/keyring"
)

// innerTestVariable has the name of the test that this process runs alone.
const innerTestVariable = "FORCECRED_TEST_INSIDE"

func TestMain(m *testing.M) {
	os.Stdout = os.Stderr // as main does, before it opens a store
	os.Exit(m.Run())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var (
	prod      = keystore.Key{Kind: keystore.KindGrant, Org: "prod"}
	prodToken = keystore.Key{Kind: keystore.KindToken, Org: "prod"}
)

const item = "test-refresh-token-1"

// wantError fails unless err has that reason, its text contains text, its hint contains
// hint, and neither contains a secret.
func wantError(t *testing.T, err error, reason error, text string, hint string) {
	t.Helper()
	fault, ok := errors.AsType[*keystore.Error](err)
	if !ok {
		t.Fatalf("got %v, want a *keystore.Error", err)
	}
	if !errors.Is(err, reason) || !strings.Contains(err.Error(), text) || !strings.Contains(hints.Text(fault.Remedy), hint) {
		t.Errorf("got %v (%v; hint: %s)\nwant %q (%v; hint: %q)", err, fault.Reason, hints.Text(fault.Remedy), text, reason, hint)
	}
	if strings.Contains(err.Error()+hints.Text(fault.Remedy), item) {
		t.Error("the error or its hint holds a secret")
	}
}

func wantItem(t *testing.T, s *Store, key keystore.Key, want string) {
	t.Helper()
	got, err := s.Get(t.Context(), key)
	if err != nil || string(got) != want {
		t.Errorf("get %s: an item of %d bytes and error %v, want the one that was set", key, len(got), err)
	}
}

// patientTimeout is for a machine under load, where one test waits for the calls of others.
const patientTimeout = time.Minute

// newStore returns two handles of an empty store in the backend's keyring. Its items have a
// prefix of their own.
func newStore(t *testing.T, config Config) (first, second *Store) {
	t.Helper()
	if config.LockDir == "" {
		config.LockDir = t.TempDir()
	}
	if config.Timeout == 0 {
		config.Timeout = patientTimeout
	}
	first, second = New(config), New(config)
	first.prefix = namePrefix + "test-" + rand.Text()[:10] + ":"
	second.prefix = first.prefix
	return first, second
}

// inSession runs use in a session, as a call of the store does.
func inSession(t *testing.T, s *Store, use func(*session) error) {
	t.Helper()
	must(t, s.call(context.WithoutCancel(t.Context()), noRelease, func(session *session) error { // a cleanup calls it too
		if err := session.begin(); err != nil {
			return err
		}
		return use(session)
	}))
}

func listNames(t *testing.T, s *Store) (names []string) {
	t.Helper()
	inSession(t, s, func(session *session) (err error) {
		names, err = session.list()
		return err
	})
	return names
}

// fakeLibrary stands in for keyrings that Linux does not have: Credential Manager folds
// the case of names and takes 2,560 bytes, the keychain reports "not found" while it is
// locked.
type fakeLibrary struct {
	mu     sync.Mutex
	items  map[string]keyring.Item // by folded name
	limit  int
	mode   string // "" or how it fails
	writes int    // that still succeed in the mode "full"
	onGet  func() // called by Get, or nil
}

var errFull = errors.New("the stub received bad data")

func (f *fakeLibrary) Get(key string) (keyring.Item, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.onGet != nil {
		f.onGet()
	}
	item, ok := f.items[strings.ToLower(key)]
	switch {
	case f.mode == "panic":
		panic(item)
	case f.mode == "no session":
		return keyring.Item{}, errNoSession
	case !ok, f.mode == "locked":
		return keyring.Item{}, keyring.ErrKeyNotFound
	}
	return item, nil
}

func (f *fakeLibrary) GetMetadata(string) (keyring.Metadata, error) {
	return keyring.Metadata{}, keyring.ErrMetadataNotSupported
}

func (f *fakeLibrary) Set(item keyring.Item) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.mode == "ignores writes":
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

func (f *fakeLibrary) Remove(key string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.items[strings.ToLower(key)]; !ok {
		return keyring.ErrKeyNotFound
	}
	if f.mode != "ignores writes" {
		delete(f.items, strings.ToLower(key))
	}
	return nil
}

// Keys returns names of other programs too.
func (f *fakeLibrary) Keys() ([]string, error) {
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

func newFake(t *testing.T, backend Backend) (first, second *Store, library *fakeLibrary) {
	library = &fakeLibrary{items: map[string]keyring.Item{}}
	if backend == WinCred {
		library.limit = 2560
	}
	config := Config{Backend: backend, LockDir: t.TempDir(), Timeout: patientTimeout}
	first, second = New(config), New(config)
	for _, s := range []*Store{first, second} {
		s.open = func() (ring, error) { return libraryRing{library}, nil }
	}
	return first, second, library
}

func TestFakeLibrary(t *testing.T) {
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
	s, _, library := newFake(t, Keychain)
	must(t, s.Set(t.Context(), prod, []byte(item)))
	library.mode = "locked"
	_, err := s.Get(t.Context(), prod)
	wantError(t, err, keystore.ErrLocked, "does not return it", "security unlock-keychain")
	_, err = s.Get(t.Context(), keystore.Key{Kind: prod.Kind, Org: "dev"})
	if !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// TestNoLogonSession: over SSH, Credential Manager fails and the library lists nothing.
func TestNoLogonSession(t *testing.T) {
	t.Parallel()
	s, _, library := newFake(t, WinCred)
	library.mode = "no session"
	const text, hint = "this logon session has no Credential Manager", "Remote Desktop"
	_, err := s.Get(t.Context(), prod)
	wantError(t, err, keystore.ErrUnavailable, text, hint)
	wantError(t, s.Set(t.Context(), prod, []byte(item)), keystore.ErrUnavailable, text, hint)
	_, err = s.List(t.Context(), prod.Kind)
	wantError(t, err, keystore.ErrUnavailable, text, hint)
}

func TestIgnoredWrites(t *testing.T) {
	t.Parallel()
	for _, backend := range []Backend{WinCred, Keychain} {
		s, _, library := newFake(t, backend)
		must(t, s.Set(t.Context(), prod, []byte("test-refresh-token-0")))
		library.mode = "ignores writes"
		wantError(t, s.Set(t.Context(), prod, []byte(item)), keystore.ErrUnavailable, "did not store the item", "")
		wantError(t, s.Set(t.Context(), prodToken, []byte(item)), keystore.ErrUnavailable, "did not store the item", "")
		wantError(t, s.Delete(t.Context(), prod), keystore.ErrUnavailable, "did not delete", "")
	}
}

// TestFullKeyringKeepsOldItem: the keyring is full at each step of a split write.
func TestFullKeyringKeepsOldItem(t *testing.T) {
	t.Parallel()
	old, next := strings.Repeat("o", 6000), strings.Repeat("n", 9000)
	for writes := range 5 { // four parts and a manifest
		s, other, library := newFake(t, WinCred)
		must(t, s.Set(t.Context(), prod, []byte(old)))
		before := len(library.items)
		library.mode, library.writes = "full", writes
		wantError(t, s.Set(t.Context(), prod, []byte(next)), keystore.ErrUnavailable, "bad data", "")
		wantItem(t, other, prod, old)
		if len(library.items) != before {
			t.Errorf("after %d writes: %d items are there, want %d", writes, len(library.items), before)
		}
	}
}

func TestLibraryPanics(t *testing.T) {
	t.Parallel()
	s, _, library := newFake(t, WinCred)
	must(t, s.Set(t.Context(), prod, []byte(item)))
	library.mode = "panic"
	_, err := s.Get(t.Context(), prod)
	wantError(t, err, keystore.ErrUnavailable, "panicked", "")
}

// TestStreamsStay: a host's own output during a call goes where it always goes.
func TestStreamsStay(t *testing.T) {
	if os.Getenv(innerTestVariable) == "" {
		t.Parallel()
		self, err := os.Executable()
		must(t, err)
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), innerTestVariable+"="+t.Name())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	os.Stdout = os.NewFile(uintptr(syscall.Stdout), "stdout") // before TestMain changed it
	stdout, stderr := os.Stdout, os.Stderr
	s, _, library := newFake(t, WinCred)
	must(t, s.Set(t.Context(), prod, []byte(item)))
	library.onGet = func() {
		if os.Stdout != stdout || os.Stderr != stderr {
			t.Error("the library runs with other streams than the process")
		}
	}
	wantItem(t, s, prod, item)
}

func TestUnknownBackend(t *testing.T) {
	t.Parallel()
	for _, backend := range []Backend{"", "file", "nonsense", Keychain} {
		s := New(Config{Backend: backend, LockDir: t.TempDir()})
		if slices.Contains(Available(), backend) {
			continue
		}
		_, err := s.Get(t.Context(), prod)
		wantError(t, err, keystore.ErrUnavailable, fmt.Sprintf("no keyring %q", backend), "FORCECRED_KEYSTORE")
	}
}
