//go:build unix

package keyring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"forcecred/keystore"
)

// changeRoots has the locks lie in folders of the test's own, until it ends.
func changeRoots(t *testing.T, r lockRoots) {
	t.Helper()
	before := systemRoots
	t.Cleanup(func() { systemRoots = before })
	systemRoots = r
}

// TestLockDirs holds that the environment has no say in them, and that only what
// is the user's own is used.
func TestLockDirs(t *testing.T) {
	elsewhere := t.TempDir()
	for _, name := range []string{"HOME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "FORCECRED_HOME"} {
		t.Setenv(name, elsewhere)
	}
	if real := homeOf(os.Geteuid()); real == elsewhere {
		t.Error("the user's home is what HOME says")
	}
	home, users := filepath.Join(t.TempDir(), "home"), t.TempDir()
	changeRoots(t, lockRoots{home: func(int) string { return home }, login: users, temp: "/temp"})
	inTemp := fmt.Sprintf("/temp/forcecred-%d", os.Geteuid())
	inHome := filepath.Join(home, dataFolder(), "forcecred", "keyring-locks")
	want := func(what string, dirs ...string) {
		t.Helper()
		if got := lockDirs(); !slices.Equal(got, dirs) {
			t.Errorf("%s: got %s, want %s", what, got, dirs)
		}
	}
	login := filepath.Join(users, strconv.Itoa(os.Geteuid()))
	want("neither home nor login", inTemp)
	must(t, os.Mkdir(home, 0o700))
	want("a home", inHome, inTemp)
	must(t, os.Symlink(elsewhere, login))
	want("a link", inHome, inTemp)
	must(t, os.Remove(login))
	must(t, os.Mkdir(login, 0o700))
	want("a login", inHome, filepath.Join(login, "forcecred"), inTemp)
	if os.Getuid() == 0 {
		must(t, os.Chown(login, 65534, 65534))
		must(t, os.Chown(home, 65534, 65534))
		want("another user's", inTemp)
	}
}

// TestLocksMeet has the lock folders appear, go away, and be taken by another user
// while somebody holds a lock. Whoever comes next has to wait for it.
func TestLocksMeet(t *testing.T) {
	folder := t.TempDir()
	home, users, temp := filepath.Join(folder, "home"), filepath.Join(folder, "users"), filepath.Join(folder, "temp")
	changeRoots(t, lockRoots{home: func(int) string { return home }, login: users, temp: temp})
	login, inTemp := filepath.Join(users, strconv.Itoa(os.Geteuid())), filepath.Join(temp, "forcecred-"+strconv.Itoa(os.Geteuid()))
	states := map[string]func() error{
		"home alone":          func() error { return os.Mkdir(home, 0o700) },
		"home and login":      func() error { return errors.Join(os.Mkdir(home, 0o700), os.Mkdir(login, 0o700)) },
		"a squatter":          func() error { return errors.Join(os.Mkdir(home, 0o700), squat(inTemp)) },
		"login, and squatter": func() error { return errors.Join(os.Mkdir(home, 0o700), os.Mkdir(login, 0o700), squat(inTemp)) },
	}
	for before, first := range states {
		for after, second := range states {
			must(t, os.RemoveAll(folder))
			for _, dir := range []string{users, temp} {
				must(t, os.MkdirAll(dir, 0o700))
			}
			must(t, first())
			var notices []string
			s := New(Config{Backend: KeyCtl, Notify: func(message string) { notices = append(notices, message) }})
			unlock, err := s.Lock(t.Context(), "prod")
			must(t, err)
			if isTaken := strings.Contains(before, "squatter"); isTaken != (len(notices) == 1) || isTaken && !strings.Contains(notices[0], inTemp) {
				t.Errorf("%s: notices %q", before, notices)
			}
			// The home stays, as homes do; all else changes under the holder.
			must(t, os.RemoveAll(login))
			must(t, os.RemoveAll(inTemp))
			must(t, os.Rename(home, home+".aside"))
			must(t, second())
			must(t, os.Remove(home))
			must(t, os.Rename(home+".aside", home))
			other := New(Config{Backend: KeyCtl})
			soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			if _, err := other.Lock(soon, "prod"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s, then %s: the lock was taken twice (%v)", before, after, err)
			}
			cancel()
			must(t, unlock())
			unlock, err = other.Lock(t.Context(), "prod")
			must(t, err)
			must(t, unlock())
		}
	}
}

// squat makes what another user may have put at path.
func squat(path string) error {
	if os.Getuid() != 0 {
		return os.Symlink("/", path)
	}
	if err := os.Mkdir(path, 0o777); err != nil {
		return err
	}
	return os.Chown(path, 65534, 65534)
}

// TestNoLockFolder has a user without a home, whose folder in /tmp another one has
// taken: nothing is locked, which is said.
func TestNoLockFolder(t *testing.T) {
	temp := t.TempDir()
	changeRoots(t, lockRoots{home: func(int) string { return "" }, login: "/nowhere", temp: temp})
	taken := filepath.Join(temp, "forcecred-"+strconv.Itoa(os.Geteuid()))
	must(t, squat(taken))
	s := New(Config{Backend: KeyCtl, Notify: func(message string) { t.Errorf("notice: %s", message) }})
	_, err := s.Lock(t.Context(), "prod")
	wantError(t, err, keystore.ErrUnavailable, taken, "delete")
	_, err = s.LockFile(t.Context(), "prod")
	wantError(t, err, keystore.ErrUnavailable, taken, "delete")
}

// TestHostileLockDir has what another user may have put in the place in /tmp.
func TestHostileLockDir(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, put := range map[string]func(path string) error{
		"a link":                   func(path string) error { return os.Symlink(folder, path) },
		"a file":                   func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"a folder of another user": squat,
	} {
		path := filepath.Join(t.TempDir(), "forcecred-0")
		must(t, put(path))
		s, _, _ := newFake(t, WinCred)
		s.config.LockDir = path
		_, err := s.Lock(t.Context(), "prod")
		wantError(t, err, keystore.ErrUnavailable, path, "delete")
		wantError(t, s.Set(t.Context(), prod, []byte(item)), keystore.ErrUnavailable, path, "delete")
		if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
			t.Errorf("%s: %d files came to be in another folder (%v)", name, len(entries), err)
		}
	}
}
