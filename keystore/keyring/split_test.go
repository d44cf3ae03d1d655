//go:build linux || windows

package keyring

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"forcecred/keystore"
)

// large needs three parts in the system's keyring.
var large = bytes.Repeat([]byte("01234"), splitting.ItemLimit()/2)

func TestPartsComeAndGo(t *testing.T) {
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
		if got := len(namesOf(t, first)); got != tt.names {
			t.Errorf("an item of %d bytes has %d names, want %d", len(tt.item), got, tt.names)
		}
		keys, err := second.List(t.Context(), keystore.KindToken)
		if err != nil || !slices.Equal(keys, []keystore.Key{prodToken}) {
			t.Errorf("keys: %v (%v), want the item alone", keys, err)
		}
	}
	must(t, first.Set(t.Context(), prodToken, large))
	must(t, first.Delete(t.Context(), prodToken))
	if names := namesOf(t, first); len(names) != 0 {
		t.Errorf("left are %q", names)
	}
}

// TestTorn takes away or swaps what an item in parts is made of.
func TestTorn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		tear func(session *session, parts []string) error
	}{
		{"a part is missing", func(session *session, parts []string) error { return session.delete(parts[1]) }},
		{"a part is another's", func(session *session, parts []string) error { return session.set(parts[1], []byte("foreign")) }},
		{"a part is too large", func(session *session, parts []string) error {
			return session.set(parts[2], large[:splitting.ItemLimit()])
		}},
		{"the head is cut", func(session *session, parts []string) error {
			return session.set(session.prefix+"token/prod", []byte(manifestMagic+"x a 3"))
		}},
		{"the head names no slot", func(session *session, _ []string) error {
			return session.set(session.prefix+"token/prod", []byte(manifestMagic+"x c 3 y\n"))
		}},
		{"the head is foreign", func(session *session, parts []string) error {
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
				return errors.Join(err, tt.tear(session, names))
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
	s, _ := newSplitting(t)
	must(t, s.Set(t.Context(), prod, large))
	names := namesOf(t, s)
	slices.Sort(names)
	inSession(t, s, func(session *session) error { return session.delete(names[2]) })
	_, err := s.Get(t.Context(), prod)
	wantError(t, err, keystore.ErrCorrupt, "part", "store it again")
}

// leave does what a writer does before its last step.
func leave(session *session, item []byte) error {
	name := session.prefix + "token/prod"
	old, err := session.readManifest(name)
	if err == nil {
		_, err = session.split(name, old, item)
	}
	return err
}

// TestLeftovers has the parts of a writer that died before its last step.
func TestLeftovers(t *testing.T) {
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
			return leave(session, slices.Concat(large, large))
		})
		wantItem(t, s, prodToken, string(tt.old))
		must(t, s.Set(t.Context(), prodToken, tt.next))
		wantItem(t, s, prodToken, string(tt.next))
		if names := namesOf(t, s); len(names) != tt.names {
			t.Errorf("left are %q, want %d", names, tt.names)
		}
	}
	inSession(t, s, func(session *session) error {
		return leave(session, large)
	})
	must(t, s.Delete(t.Context(), prodToken))
	if names := namesOf(t, s); len(names) != 0 {
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
