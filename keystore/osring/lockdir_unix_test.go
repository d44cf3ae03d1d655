//go:build unix

package osring

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"forcecred/keystore"
)

// TestDefaultLockDir holds that the environment has no say in it.
func TestDefaultLockDir(t *testing.T) {
	before := runUser
	t.Cleanup(func() { runUser = before })
	elsewhere := t.TempDir()
	for _, name := range []string{"HOME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "FORCECRED_HOME"} {
		t.Setenv(name, elsewhere)
	}
	fallback := fmt.Sprintf("/tmp/forcecred-%d", os.Geteuid())
	want := func(what, path string) {
		t.Helper()
		if got, err := defaultLockDir(); err != nil || got != path {
			t.Errorf("%s: got %s (%v), want %s", what, got, err, path)
		}
	}
	runUser = t.TempDir()
	login := filepath.Join(runUser, strconv.Itoa(os.Geteuid()))
	want("no login", fallback)
	must(t, os.Symlink(elsewhere, login))
	want("a link", fallback)
	must(t, os.Remove(login))
	must(t, os.Mkdir(login, 0o700))
	want("a login", filepath.Join(login, "forcecred"))
	if os.Getuid() == 0 {
		must(t, os.Chown(login, 65534, 65534))
		want("another user's", fallback)
	}
}

// TestHostileLockDir has what another user may have put in the place in /tmp.
func TestHostileLockDir(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, put := range map[string]func(path string) error{
		"a link": func(path string) error { return os.Symlink(folder, path) },
		"a file": func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"a folder of another user": func(path string) error {
			if os.Getuid() != 0 {
				return os.Symlink(folder, path)
			}
			if err := os.Mkdir(path, 0o777); err != nil {
				return err
			}
			return os.Chown(path, 65534, 65534)
		},
	} {
		path := filepath.Join(t.TempDir(), "forcecred-0")
		must(t, put(path))
		s, _, _ := newFake(t, WinCred)
		s.config.LockDir = path
		_, err := s.Lock(t.Context(), "prod")
		wantFault(t, err, keystore.ErrUnavailable, path, "removed")
		wantFault(t, s.Set(t.Context(), prod, []byte(item)), keystore.ErrUnavailable, path, "removed")
		if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
			t.Errorf("%s: %d files came to be in another folder (%v)", name, len(entries), err)
		}
	}
}
