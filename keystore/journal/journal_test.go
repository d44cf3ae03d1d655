package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"forcecred/keystore"
)

var (
	key   = [32]byte{1}
	other = [32]byte{2}
	entry = []byte(`{"refresh_token":"test-refresh-token-2"}`)
)

func newJournal(t *testing.T) *Journal {
	t.Helper()
	j := &Journal{Dir: filepath.Join(t.TempDir(), "journal")}
	if err := errors.Join(j.Reserve("prod"), j.Write("prod", key, entry)); err != nil {
		t.Fatal(err)
	}
	return j
}

func TestJournal(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	if got, err := j.Read("prod", key); err != nil || !bytes.Equal(got, entry) {
		t.Errorf("the entry is not read: %v", err)
	}
	data, err := os.ReadFile(j.path("prod"))
	if err != nil || bytes.Contains(data, []byte("test-refresh-token")) {
		t.Errorf("the entry is not encrypted (%v)", err)
	}
	if info, err := os.Stat(j.path("prod")); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("others can read it: %v %v", info.Mode(), err)
	}
	for range 2 {
		if err := j.Delete("prod"); err != nil {
			t.Error(err)
		}
		if got, err := j.Read("prod", key); got != nil || err != nil {
			t.Errorf("after removal: %v", err)
		}
	}
}

func TestNoEntry(t *testing.T) {
	t.Parallel()
	j := &Journal{Dir: filepath.Join(t.TempDir(), "journal")}
	if got, err := j.Read("prod", key); got != nil || err != nil {
		t.Errorf("without a folder: %v", err)
	}
	if err := j.Reserve("prod"); err != nil {
		t.Fatal(err)
	}
	if got, err := j.Read("prod", key); got != nil || err != nil {
		t.Errorf("reserved: %v", err)
	}
}

func TestWriteNeedsReserve(t *testing.T) {
	t.Parallel()
	j := &Journal{Dir: t.TempDir()}
	if err := j.Write("prod", key, entry); err == nil {
		t.Error("an entry was written without reserved room")
	}
}

func TestUnreadableEntry(t *testing.T) {
	t.Parallel()
	flip := func(data []byte) []byte { data[len(data)-1] ^= 1; return data }
	for _, tt := range []struct {
		name   string
		change func([]byte) []byte
		org    keystore.Org
		key    [32]byte
	}{
		{"another key", nil, "prod", other},
		{"another org", nil, "dev", key},
		{"truncated", func(b []byte) []byte { return b[:len(b)-1] }, "prod", key},
		{"cut short", func(b []byte) []byte { return b[:len(magic)] }, "prod", key},
		{"empty", func([]byte) []byte { return nil }, "prod", key},
		{"flipped", flip, "prod", key},
		{"foreign", func([]byte) []byte { return []byte("test") }, "prod", key},
		{"too large", func(b []byte) []byte { return append(b, make([]byte, maxEntry)...) }, "prod", key},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			j := newJournal(t)
			data, err := os.ReadFile(j.path("prod"))
			if err != nil {
				t.Fatal(err)
			}
			if tt.change != nil {
				data = tt.change(data)
			}
			if err := os.WriteFile(j.path(tt.org), data, 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := j.Read(tt.org, tt.key); !errors.Is(err, keystore.ErrCorrupt) || got != nil {
				t.Fatalf("got %v", err)
			}
			path, err := j.Quarantine(tt.org)
			if err != nil {
				t.Fatal(err)
			}
			if quarantined, err := os.ReadFile(path); err != nil || !bytes.Equal(quarantined, data) {
				t.Errorf("it is not quarantined: %v", err)
			}
			if got, err := j.Read(tt.org, tt.key); got != nil || err != nil {
				t.Errorf("after Quarantine: %v", err)
			}
		})
	}
}

func TestLinksAreNotFollowed(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Rename(j.path("prod"), elsewhere); err != nil {
		t.Fatal(err)
	}
	err := os.Symlink(elsewhere, j.path("prod"))
	if _, missing := os.Lstat(j.path("prod")); err != nil || missing != nil { // wine reports success and makes none
		t.Skip("this system makes no symbolic links")
	}
	if _, err := j.Read("prod", key); err == nil {
		t.Error("a link was followed for reading")
	}
	if err := j.Write("prod", key, entry); err == nil {
		t.Error("a link was followed for writing")
	}
	if err := j.Reserve("prod"); err == nil {
		t.Error("a link was replaced")
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	j := &Journal{Dir: filepath.Join(t.TempDir(), "journal")}
	if all, err := j.Files(); err != nil || len(all) != 0 {
		t.Errorf("no folder: %v, %v", all, err)
	}
	for _, org := range []keystore.Org{"quarantined", "reserved", "written"} {
		if err := j.Reserve(org); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Write("written", [32]byte{}, []byte("entry")); err != nil {
		t.Fatal(err)
	}
	quarantined, err := j.Quarantine("quarantined")
	if err != nil {
		t.Fatal(err)
	}
	want := []File{{Path: quarantined, IsQuarantined: true}, {Path: j.path("reserved")}, {Path: j.path("written"), HasEntry: true}}
	if got, err := j.Files(); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}
