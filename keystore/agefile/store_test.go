package agefile

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"forcecred/internal/hints"
	"forcecred/internal/privatefile"
	"forcecred/keystore"
	"forcecred/keystore/storetest"

	"filippo.io/age"
)

var prod = keystore.Key{Kind: keystore.KindGrant, Org: "prod"}

const item = "test-refresh-token-1"

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) (first, second keystore.Store) {
		config := newConfig(t)
		return New(config), New(config)
	})
}

// newConfig returns the config of a new store.
func newConfig(t *testing.T) Config {
	dir := t.TempDir()
	return Config{Dir: filepath.Join(dir, "data"), IdentityFile: filepath.Join(dir, "config", "identity.txt")}
}

// newStore returns a store that holds item under prod.
func newStore(t *testing.T) *Store {
	t.Helper()
	s := New(newConfig(t))
	if err := s.Set(t.Context(), prod, []byte(item)); err != nil {
		t.Fatal(err)
	}
	return s
}

// reopen returns the store as another process has it.
func reopen(s *Store) *Store { return New(s.config) }

func prodFile(s *Store) string { return s.path(storeFolder, "org.prod.age") }

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// link creates a symbolic link at path, or skips the test: on Windows only some users may
// do so, and wine reports success and creates none.
func link(t *testing.T, target, path string) {
	t.Helper()
	err := os.Symlink(target, path)
	if _, missing := os.Lstat(path); runtime.GOOS == "windows" && (err != nil || missing != nil) {
		t.Skip("this system makes no symbolic links")
	}
	must(t, err)
}

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
	if all := err.Error() + hints.Text(fault.Remedy); strings.Contains(all, "SECRET") || strings.Contains(all, "test-") {
		t.Error("the error or its hint holds a secret")
	}
}

func wantItem(t *testing.T, s *Store) {
	t.Helper()
	got, err := s.Get(t.Context(), prod)
	if err != nil || string(got) != item {
		t.Errorf("get: an item of %d bytes and error %v, want the one that was set", len(got), err)
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes")
	}
	s := newStore(t)
	lock, err := s.Lock(t.Context(), "prod")
	must(t, err)
	must(t, lock.Release())
	check := func() {
		t.Helper()
		for path, want := range map[string]os.FileMode{
			s.config.Dir:                                   0o700 | os.ModeDir,
			s.path(storeFolder):                            0o700 | os.ModeDir,
			s.path(tempFolder):                             0o700 | os.ModeDir,
			s.path(locksFolder):                            0o700 | os.ModeDir,
			prodFile(s):                                    0o600,
			s.path(locksFolder, "prod.lock"):               0o600,
			filepath.Dir(s.config.IdentityFile):            0o700 | os.ModeDir,
			s.config.IdentityFile:                          0o600,
			s.config.IdentityFile + privatefile.LockSuffix: 0o600,
		} {
			info, err := os.Lstat(path)
			must(t, err)
			if info.Mode() != want {
				t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
			}
		}
	}
	check()
	for _, folder := range []string{storeFolder, tempFolder, locksFolder} {
		must(t, os.Chmod(s.path(folder), 0o755))
	}
	must(t, os.Chmod(prodFile(s), 0o644))
	wantItem(t, s)
	must(t, s.Set(t.Context(), prod, []byte(item)))
	lock, err = s.Lock(t.Context(), "prod")
	must(t, err)
	must(t, lock.Release())
	check()
}

// TestDataFolderKeepsMode protects /tmp from a root user who sets FORCECRED_HOME to it.
func TestDataFolderKeepsMode(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes")
	}
	config := newConfig(t)
	elsewhere := t.TempDir()
	must(t, os.Chmod(elsewhere, 0o777|os.ModeSticky))
	link(t, elsewhere, config.Dir)
	s := New(config)
	must(t, s.Set(t.Context(), prod, []byte(item)))
	wantItem(t, reopen(s))
	info, err := os.Stat(elsewhere)
	must(t, err)
	if want := 0o777 | os.ModeDir | os.ModeSticky; info.Mode() != want {
		t.Errorf("mode %v became %v", want, info.Mode())
	}
}

func TestFolderErrors(t *testing.T) {
	t.Parallel()
	set := func(t *testing.T, s *Store) error { return s.Set(t.Context(), prod, []byte(item)) }
	get := func(t *testing.T, s *Store) error { _, err := s.Get(t.Context(), prod); return err }
	del := func(t *testing.T, s *Store) error { return s.Delete(t.Context(), prod) }
	list := func(t *testing.T, s *Store) error { _, err := s.List(t.Context(), keystore.KindGrant); return err }
	lock := func(t *testing.T, s *Store) error { _, err := s.Lock(t.Context(), "prod"); return err }
	for _, tt := range []struct {
		name, folder string
		do           func(*testing.T, *Store) error
		text, hint   string
	}{
		{"set, store", storeFolder, set, "store is not a folder", "move"},
		{"set, tmp", tempFolder, set, "tmp is not a folder", "move"},
		{"set, data", "", set, "not a directory", ""},
		{"get, store", storeFolder, get, "not a directory", ""},
		{"get, data", "", get, "not a directory", ""},
		{"delete, store", storeFolder, del, "not a directory", ""},
		{"list, store", storeFolder, list, "not a directory", ""},
		{"lock, locks", locksFolder, lock, "locks is not a folder", "move"},
		{"lock, data", "", lock, "not a directory", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" {
				t.Skip("Windows has other error texts")
			}
			s := New(newConfig(t))
			write(t, s.path(tt.folder), nil)
			wantError(t, tt.do(t, s), keystore.ErrUnavailable, tt.text, tt.hint)
			if _, err := os.Lstat(s.config.IdentityFile); err == nil {
				t.Error("an identity was created")
			}
		})
		if tt.hint == "" {
			continue // only an operation that writes refuses a link
		}
		t.Run(tt.name+", link", func(t *testing.T) {
			t.Parallel()
			s, elsewhere := New(newConfig(t)), t.TempDir()
			must(t, os.MkdirAll(s.config.Dir, 0o700))
			link(t, elsewhere, s.path(tt.folder))
			wantError(t, tt.do(t, s), keystore.ErrUnavailable, tt.text, tt.hint)
			if left, err := os.ReadDir(elsewhere); err != nil || len(left) != 0 {
				t.Errorf("%d files were written through the link (%v)", len(left), err)
			}
		})
	}
}

func TestItemErrors(t *testing.T) {
	t.Parallel()
	stranger, err := age.GenerateX25519Identity()
	must(t, err)
	for _, tt := range []struct {
		name       string
		damage     func(t *testing.T, s *Store, encrypted []byte) []byte
		text, hint string
	}{
		{"empty", func(*testing.T, *Store, []byte) []byte { return nil }, "is damaged", "store it again"},
		{"not encrypted", func(*testing.T, *Store, []byte) []byte { return []byte(item) }, "is damaged", "store it again"},
		{"header cut", func(_ *testing.T, _ *Store, b []byte) []byte { return b[:30] }, "is damaged", "store it again"},
		{"nonce cut", func(_ *testing.T, _ *Store, b []byte) []byte { return b[:len(b)-len(item)-16-8] }, "is damaged", "store it again"},
		{"last byte cut", func(_ *testing.T, _ *Store, b []byte) []byte { return b[:len(b)-1] }, "is damaged", "store it again"},
		{"one bit", func(_ *testing.T, _ *Store, b []byte) []byte { b[len(b)-20] ^= 1; return b }, "is damaged", "store it again"},
		{"header bit", func(_ *testing.T, _ *Store, b []byte) []byte { b[40] ^= 1; return b }, "", "store it again"},
		{"trailing bytes", func(_ *testing.T, _ *Store, b []byte) []byte { return append(b, "more"...) }, "is damaged", "store it again"},
		{"too large", func(*testing.T, *Store, []byte) []byte { return make([]byte, MaxItem+1) }, "more than 1048576 bytes", ""},
		{"another identity", func(t *testing.T, _ *Store, _ []byte) []byte {
			b, err := encryptItem([]byte(item), &identity{recipient: stranger.Recipient()})
			must(t, err)
			return b
		}, "encrypted for another identity", "restore the identity"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			write(t, prodFile(s), tt.damage(t, s, read(t, prodFile(s))))
			got, err := s.Get(t.Context(), prod)
			wantError(t, err, keystore.ErrCorrupt, tt.text, tt.hint)
			if got != nil {
				t.Errorf("%d bytes of it were returned", len(got))
			}
			must(t, s.Set(t.Context(), prod, []byte(item)))
			wantItem(t, s)
		})
	}
}

// TestItemIsNoRegularFile: a folder or a link is at the path of an item.
func TestItemIsNoRegularFile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		make func(t *testing.T, path string)
	}{
		{"folder", func(t *testing.T, path string) { must(t, os.MkdirAll(filepath.Join(path, "child"), 0o700)) }},
		{"link to an item", func(t *testing.T, path string) {
			must(t, os.Rename(path+"x", path+"y"))
			link(t, path+"y", path)
		}},
		{"link to nothing", func(t *testing.T, path string) { link(t, path+"z", path) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			must(t, os.Rename(prodFile(s), prodFile(s)+"x"))
			tt.make(t, prodFile(s))
			_, err := s.Get(t.Context(), prod)
			wantError(t, err, keystore.ErrUnavailable, prodFile(s), "")
			wantError(t, s.Set(t.Context(), prod, []byte(item)), keystore.ErrUnavailable, "not a regular file", "")
			if keys, err := s.List(t.Context(), keystore.KindGrant); err != nil || len(keys) != 0 {
				t.Errorf("%d keys (%v), want none", len(keys), err)
			}
			if _, err := os.Lstat(prodFile(s)); err != nil {
				t.Error("it is gone")
			}
			wantNoTemp(t, s)
		})
	}
}

func TestLockIsNoRegularFile(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	must(t, os.MkdirAll(s.path(locksFolder, "folder.lock"), 0o700))
	link(t, s.path("victim"), s.path(locksFolder, "link.lock"))
	for _, org := range []keystore.Org{"folder", "link"} {
		_, err := s.Lock(t.Context(), org)
		wantError(t, err, keystore.ErrUnavailable, "not a regular file", "move")
	}
	if _, err := os.Lstat(s.path("victim")); err == nil {
		t.Error("a file was created through the link")
	}
}

func TestItemTooLarge(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	wantError(t, s.Set(t.Context(), prod, make([]byte, MaxItem)), keystore.ErrUnavailable, "more than 1048576 bytes", "")
	wantItem(t, s)
}

func TestListIgnoresOtherFiles(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, name := range []string{
		".DS_Store", "org.prod.age~", "org.prod", "prod.age", "org.-x.age", "org.Prod.age", "org.prod~0.age", "org.prod~1.age.tmp", "Org.prod.age",
		"org..age", "token.prod.age", privatefile.TempPrefix + "123",
	} {
		write(t, s.path(storeFolder, name), nil)
	}
	keys, err := s.List(t.Context(), keystore.KindGrant)
	if err != nil || len(keys) != 1 || keys[0] != prod {
		t.Errorf("got %v (%v), want %v alone", keys, err, prod)
	}
}

// TestAgeCommand: the age command decrypts an item, as the docs say.
func TestAgeCommand(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("age")
	if err != nil {
		if os.Getenv("FORCECRED_TEST_REQUIRE") == "all" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	s := newStore(t)
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), tool, "-d", "-i", s.config.IdentityFile, prodFile(s))
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	if stdout.String() != item {
		t.Errorf("age printed %d bytes other than the item", stdout.Len())
	}
}
