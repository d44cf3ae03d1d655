package keyring

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"forcecred/keystore"
	"forcecred/keystore/storetest"

	"github.com/99designs/keyring"
)

// splitting is the backend of the tests of split items.
const splitting = WinCred

func newSplitting(t *testing.T) (first, second *Store) { return newWinCred(t) }

// newWinCred returns a store in this user's Credential Manager. Its items end with the test.
func newWinCred(t *testing.T) (first, second *Store) {
	t.Helper()
	first, second = newStore(t, Config{Backend: WinCred})
	t.Cleanup(func() {
		inSession(t, first, func(session *session) error {
			names, err := session.list()
			for _, name := range names {
				err = errors.Join(err, session.delete(name))
			}
			return err
		})
	})
	return first, second
}

func TestWinCred(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) (keystore.Store, keystore.Store) { return newWinCred(t) })
}

// TestWinCredProcesses is not parallel to other tests: in wine a credential is a registry
// key, and a list fails if others write meanwhile.
func TestWinCredProcesses(t *testing.T) {
	testProcesses(t, WinCred, newWinCred)
}

// TestWinCredOfOtherPrograms: there are credentials of other programs, some with names like
// ours. It is not parallel, for the reason above.
func TestWinCredOfOtherPrograms(t *testing.T) {
	s, _ := newWinCred(t)
	must(t, s.Set(t.Context(), prod, []byte(item)))
	foreign := s.prefix + "x"
	for _, where := range []struct {
		prefix, service string
		names           []string
	}{
		{"git", "https", []string{foreign}},
		{service, "other", []string{s.prefix + "org/other"}},
		{service, service, []string{foreign, s.prefix + "org/", s.prefix + "org/-x", s.prefix + "Org/prod2", s.prefix + "org/Prod3", s.prefix + "org/prod4" + partMark + "x.1"}},
	} {
		others, err := keyring.Open(keyring.Config{
			AllowedBackends: []keyring.BackendType{keyring.WinCredBackend}, WinCredPrefix: where.prefix, ServiceName: where.service,
		})
		must(t, err)
		for _, name := range where.names {
			must(t, others.Set(keyring.Item{Key: name, Data: []byte("foreign")}))
			t.Cleanup(func() { must(t, others.Remove(name)) })
		}
	}
	if keys, err := s.List(t.Context(), prod.Kind); err != nil || !slices.Equal(keys, []keystore.Key{prod}) {
		t.Errorf("keys: %v (%v), want ours alone", keys, err)
	}
	wantItem(t, s, prod, item)
}

func TestWinCredIsDetected(t *testing.T) {
	t.Parallel()
	if backend, ok := Detect(t.Context()); backend != WinCred || !ok {
		t.Errorf("detected is %q, %v", backend, ok)
	}
}

// TestWinCredLimit: an item is split if it is larger than the limit of Windows.
func TestWinCredLimit(t *testing.T) {
	t.Parallel()
	for size, names := range map[int]int{2559: 1, 2560: 1, 2561: 3, 5120: 3, 5121: 4} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			s, other := newWinCred(t)
			must(t, s.Set(t.Context(), prod, make([]byte, size)))
			wantItem(t, other, prod, string(make([]byte, size)))
			if got := len(listNames(t, s)); got != names {
				t.Errorf("it has %d names, want %d", got, names)
			}
		})
	}
}
