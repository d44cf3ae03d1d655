package osring

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"forcecred/keystore"
)

// inRing runs use with the library, as an operation of the store does.
func inRing(t *testing.T, s *Store, use func(*turn) error) {
	t.Helper()
	must(t, s.call(t.Context(), nothing, func(turn *turn) error {
		if err := turn.begin(); err != nil {
			return err
		}
		return use(turn)
	}))
}

func namesOf(t *testing.T, s *Store) (names []string) {
	t.Helper()
	inRing(t, s, func(turn *turn) (err error) {
		names, err = turn.names()
		return err
	})
	return names
}

// large needs three parts in the kernel's keyring.
var large = bytes.Repeat([]byte("0123456789abcdef"), 5000)

func TestPartsComeAndGo(t *testing.T) {
	t.Parallel()
	needKeyCtl(t)
	first, second := newKeyCtl(t)
	for _, tt := range []struct {
		item  []byte
		names int
	}{
		{large, 4}, {large[1:], 4}, {[]byte("small"), 1}, {large, 4}, {large[:40000], 3}, {nil, 1}, {[]byte(headMagic), 1}, {[]byte(headMagic + "a 3 b\n"), 1},
	} {
		must(t, first.Set(t.Context(), prodToken, tt.item))
		wantItem(t, second, prodToken, string(tt.item))
		if got := len(namesOf(t, first)); got != tt.names {
			t.Errorf("an item of %d bytes has %d names, want %d", len(tt.item), got, tt.names)
		}
		keys, err := second.Keys(t.Context(), keystore.KindToken)
		if err != nil || !slices.Equal(keys, []keystore.Key{prodToken}) {
			t.Errorf("keys: %v (%v), want the item alone", keys, err)
		}
	}
	must(t, first.Set(t.Context(), prodToken, large))
	must(t, first.Remove(t.Context(), prodToken))
	if names := namesOf(t, first); len(names) != 0 {
		t.Errorf("left are %q", names)
	}
}

// TestTorn takes away or swaps what an item in parts is made of.
func TestTorn(t *testing.T) {
	t.Parallel()
	needKeyCtl(t)
	for _, tt := range []struct {
		name string
		tear func(turn *turn, parts []string) error
	}{
		{"a part is missing", func(turn *turn, parts []string) error { return turn.remove(parts[1]) }},
		{"a part is another's", func(turn *turn, parts []string) error { return turn.set(parts[1], []byte("foreign")) }},
		{"a part is too large", func(turn *turn, parts []string) error { return turn.set(parts[2], large[:32767]) }},
		{"the head is cut", func(turn *turn, parts []string) error {
			return turn.set(turn.prefix+"token/prod", []byte(headMagic+"x 3"))
		}},
		{"the head is foreign", func(turn *turn, parts []string) error {
			return turn.set(turn.prefix+"token/prod", []byte(headMagic+"x -1 y\n"))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, _ := newKeyCtl(t)
			for _, key := range []keystore.Key{prod, prodToken} {
				must(t, s.Set(t.Context(), key, large))
			}
			inRing(t, s, func(turn *turn) error {
				names, err := turn.names()
				names = slices.DeleteFunc(names, func(name string) bool { return !strings.Contains(name, "token/prod"+partMark) })
				slices.Sort(names)
				return errors.Join(err, tt.tear(turn, names))
			})
			if got, err := s.Get(t.Context(), prodToken); !errors.Is(err, keystore.ErrNotFound) {
				t.Errorf("got %d bytes (%v), want ErrNotFound", len(got), err)
			}
			wantItem(t, s, prod, string(large))
			must(t, s.Set(t.Context(), prodToken, large))
			wantItem(t, s, prodToken, string(large))
			if got := len(namesOf(t, s)); got != 8 {
				t.Errorf("%d names, want 8", got)
			}
		})
	}
}

// TestTornGrant holds that what a refresh does not replace is not called absent.
func TestTornGrant(t *testing.T) {
	t.Parallel()
	needKeyCtl(t)
	s, _ := newKeyCtl(t)
	must(t, s.Set(t.Context(), prod, large))
	names := namesOf(t, s)
	slices.Sort(names)
	inRing(t, s, func(turn *turn) error { return turn.remove(names[2]) })
	_, err := s.Get(t.Context(), prod)
	wantFault(t, err, keystore.ErrCorrupt, "part", "store it again")
}

// TestLeftovers has the parts of a writer that died before its last step.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	needKeyCtl(t)
	s, _ := newKeyCtl(t)
	must(t, s.Set(t.Context(), prodToken, []byte("old")))
	inRing(t, s, func(turn *turn) error {
		_, err := turn.prepare(turn.prefix+"token/prod", head{generation: "DEAD"}, large)
		return err
	})
	wantItem(t, s, prodToken, "old")
	must(t, s.Set(t.Context(), prodToken, []byte("new")))
	if names := namesOf(t, s); len(names) != 1 {
		t.Errorf("left are %q, want the item alone", names)
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	needKeyCtl(t)
	s, _ := newKeyCtl(t)
	must(t, s.Set(t.Context(), prod, []byte(item)))
	wantFault(t, s.Set(t.Context(), prod, make([]byte, maxItem+1)), keystore.ErrUnavailable, "more than 1048576 bytes", "")
	wantItem(t, s, prod, item)
	whole := bytes.Repeat([]byte{'x'}, maxItem)
	must(t, s.Set(t.Context(), prod, whole))
	wantItem(t, s, prod, string(whole))
}
