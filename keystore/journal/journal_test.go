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
	key   = bytes.Repeat([]byte{1}, 32) // as older versions stored it
	other = bytes.Repeat([]byte{2}, 32)
	entry = []byte(`{"refresh_token":"test-refresh-token-2"}`)
)

func write(j *Journal, org keystore.Org, key, entry []byte) error {
	space, err := j.Open(org, key)
	if err != nil {
		return err
	}
	_, err = space.Write(entry)
	return errors.Join(err, space.Close())
}

func newJournal(t *testing.T) *Journal {
	t.Helper()
	j := &Journal{Dir: filepath.Join(t.TempDir(), "journal")}
	if err := errors.Join(j.Reserve("prod", key), write(j, "prod", key, entry)); err != nil {
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
	data, err := os.ReadFile(entryPath(j.Dir, "prod"))
	if err != nil || bytes.Contains(data, []byte("test-refresh-token")) {
		t.Errorf("the entry is not encrypted (%v)", err)
	}
	if info, err := os.Stat(entryPath(j.Dir, "prod")); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("others can read it: %v %v", info.Mode(), err)
	}
	for range 2 {
		if err := j.Delete("prod", key); err != nil {
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
	if err := j.Reserve("prod", key); err != nil {
		t.Fatal(err)
	}
	if got, err := j.Read("prod", key); got != nil || err != nil {
		t.Errorf("reserved: %v", err)
	}
}

func TestWriteNeedsReserve(t *testing.T) {
	t.Parallel()
	j := &Journal{Dir: t.TempDir()}
	if err := write(j, "prod", key, entry); err == nil {
		t.Error("an entry was written without reserved room")
	}
}

func TestUnreadableEntry(t *testing.T) {
	t.Parallel()
	flip := func(data []byte) []byte { data[len(magic)+lengthSize] ^= 1; return data }
	for _, tt := range []struct {
		name   string
		change func([]byte) []byte
		org    keystore.Org
		key    []byte
	}{
		{"another key", nil, "prod", other},
		{"another org", nil, "dev", key},
		{"truncated", func(b []byte) []byte { return b[:len(magic)+lengthSize+20] }, "prod", key},
		{"no length", func(b []byte) []byte { return b[:len(magic)+1] }, "prod", key},
		{"no key", nil, "prod", nil},
		{"cut short", func(b []byte) []byte { return b[:len(magic)] }, "prod", key},
		{"empty", func([]byte) []byte { return nil }, "prod", key},
		{"flipped", flip, "prod", key},
		{"foreign", func([]byte) []byte { return []byte("test") }, "prod", key},
		{"too large", func(b []byte) []byte { return append(b, make([]byte, maxEntry)...) }, "prod", key},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			j := newJournal(t)
			data, err := os.ReadFile(entryPath(j.Dir, "prod"))
			if err != nil {
				t.Fatal(err)
			}
			if tt.change != nil {
				data = tt.change(data)
			}
			if err := os.WriteFile(entryPath(j.Dir, tt.org), data, 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := j.Read(tt.org, tt.key); !errors.Is(err, keystore.ErrCorrupt) || got != nil {
				t.Fatalf("got %v", err)
			}
			path, err := j.Quarantine(tt.org, tt.key)
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
	if err := os.Rename(entryPath(j.Dir, "prod"), elsewhere); err != nil {
		t.Fatal(err)
	}
	err := os.Symlink(elsewhere, entryPath(j.Dir, "prod"))
	if _, missing := os.Lstat(entryPath(j.Dir, "prod")); err != nil || missing != nil { // wine reports success and makes none
		t.Skip("this system makes no symbolic links")
	}
	if _, err := j.Read("prod", key); err == nil {
		t.Error("a link was followed for reading")
	}
	if err := write(j, "prod", key, entry); err == nil {
		t.Error("a link was followed for writing")
	}
	if err := j.Reserve("prod", key); err == nil {
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
		if err := j.Reserve(org, key); err != nil {
			t.Fatal(err)
		}
	}
	for _, org := range []keystore.Org{"quarantined", "written"} {
		if err := write(j, org, key, []byte("entry")); err != nil {
			t.Fatal(err)
		}
	}
	quarantined, err := j.Quarantine("quarantined", key)
	if err != nil {
		t.Fatal(err)
	}
	want := []File{{Path: quarantined, IsQuarantined: true}, {Path: entryPath(j.Dir, "reserved")}, {Path: entryPath(j.Dir, "written"), HasEntry: true}}
	if got, err := j.Files(); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}

// TestOldEntry: an entry of an older forcecred, in the folder that all keystores shared, is
// read by the keystore that has its key. It stays for that keystore whatever others do.
func TestOldEntry(t *testing.T) {
	t.Parallel()
	old := t.TempDir()
	aead, err := newAEAD(Key{Secret: [32]byte(key)})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(entryPath(old, "prod"), aead.Seal(bytes.Clone(oldMagic), nil, entry, additionalData(oldMagic, "prod")), 0o600); err != nil {
		t.Fatal(err)
	}
	file := &Journal{Dir: filepath.Join(old, "file"), OldDir: old}
	if got, err := file.Read("prod", nil); got != nil || err != nil {
		t.Errorf("a keystore without the key reads %q: %v", got, err)
	}
	theirs, err := file.NewKey("prod")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(file.Reserve("prod", theirs), write(file, "prod", theirs, []byte("theirs")), file.Delete("prod", theirs)); err != nil {
		t.Error(err)
	}
	keyring := &Journal{Dir: filepath.Join(old, "pass"), OldDir: old}
	if !keyring.NeedsKey("prod", key) {
		t.Error("the key of an old entry is not needed")
	}
	if got, err := keyring.Read("prod", key); !bytes.Equal(got, entry) || err != nil {
		t.Errorf("the old entry is not read: %v", err)
	}
	if err := keyring.Delete("prod", key); err != nil || keyring.NeedsKey("prod", key) {
		t.Errorf("the old entry is not deleted: %v", err)
	}
}

// TestAnotherHome: two homes use one keyring, which has one key for both.
func TestAnotherHome(t *testing.T) {
	t.Parallel()
	first, second := &Journal{Dir: filepath.Join(t.TempDir(), "journal")}, &Journal{Dir: filepath.Join(t.TempDir(), "journal")}
	item, err := first.NewKey("prod")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(first.Reserve("prod", item), write(first, "prod", item, entry)); err != nil {
		t.Fatal(err)
	}
	if !second.NeedsKey("prod", item) {
		t.Error("the other home does not need the key")
	}
	if got, err := second.Read("prod", item); !bytes.Equal(got, entry) || err != nil {
		t.Errorf("the other home does not read the entry: %v", err)
	}
	if err := second.Delete("prod", item); err != nil || first.NeedsKey("prod", item) {
		t.Errorf("the other home does not delete the entry: %v", err)
	}
}

// TestMovedHome: the folder of the entry was renamed.
func TestMovedHome(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	j := &Journal{Dir: filepath.Join(home, "old")}
	item, err := j.NewKey("prod")
	if err := errors.Join(err, j.Reserve("prod", item), write(j, "prod", item, entry), os.Rename(j.Dir, filepath.Join(home, "new"))); err != nil {
		t.Fatal(err)
	}
	j.Dir = filepath.Join(home, "new")
	if got, err := j.Read("prod", item); !bytes.Equal(got, entry) || err != nil {
		t.Errorf("the entry is not read: %v", err)
	}
}

// TestReserveDestroysNothing: an entry that was not recovered is renamed, and its key stays.
func TestReserveDestroysNothing(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	if err := j.Reserve("prod", key); err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob(filepath.Join(j.Dir, "prod.sealed.*.bad"))
	if err != nil || len(all) != 1 {
		t.Fatalf("%d files were set aside: %v", len(all), err)
	}
	if got, err := readEntry(all[0], "prod", Key{Secret: [32]byte(key)}); !bytes.Equal(got, entry) || err != nil {
		t.Errorf("the entry is lost: %v", err)
	}
	if err := j.Delete("prod", key); err != nil || !j.NeedsKey("prod", key) {
		t.Errorf("the key of the renamed entry is not needed: %v", err)
	}
}

// TestNewerForcecred: nothing of a newer version is read, and its key is needed.
func TestNewerForcecred(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	item := []byte(`{"version":2}`)
	if _, err := j.Read("prod", item); !errors.Is(err, keystore.ErrUnavailable) || !j.NeedsKey("prod", item) {
		t.Errorf("a newer key: %v", err)
	}
	if err := os.WriteFile(entryPath(j.Dir, "prod"), []byte("forcecred-journal-3\nwhatever"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Read("prod", key); !errors.Is(err, keystore.ErrUnavailable) || !j.NeedsKey("prod", key) {
		t.Errorf("a newer entry: %v", err)
	}
}

// TestKeepsKey: only a key whose entry is in the journal's own folder is used again. A home
// that was moved or copied has a key whose entry may be elsewhere.
func TestKeepsKey(t *testing.T) {
	t.Parallel()
	kept, other := &Journal{Dir: t.TempDir(), KeepKey: true}, &Journal{Dir: t.TempDir(), KeepKey: true}
	item, err := kept.NewKey("prod")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		journal *Journal
		item    []byte
		want    bool
	}{
		"its own":                {kept, item, true},
		"of another folder":      {other, item, false},
		"of an older forcecred":  {kept, make([]byte, 32), false},
		"no key":                 {kept, nil, false},
		"of a newer forcecred":   {kept, []byte(`{"version":2}`), false},
		"a keyring's, its own":   {&Journal{Dir: kept.Dir}, item, false},
		"its folder by a detour": {&Journal{Dir: kept.Dir + "/../" + filepath.Base(kept.Dir), KeepKey: true}, item, true},
	} {
		if got := tt.journal.KeepsKey("prod", tt.item); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
