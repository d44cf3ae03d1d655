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

// changeRoots puts the lock folders into the test's own folders, until the test ends.
func changeRoots(t *testing.T, r lockRoots) {
	t.Helper()
	before := systemRoots
	t.Cleanup(func() { systemRoots = before })
	systemRoots = r
}

// TestLockDirs: the environment does not change the lock folders, and they are in the user's
// own folders.
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

// TestLockFoldersChange: lock folders appear, disappear, and are taken by another user while
// a process holds a lock. The next process still waits for that lock.
func TestLockFoldersChange(t *testing.T) {
	folder := t.TempDir()
	home, users, temp := filepath.Join(folder, "home"), filepath.Join(folder, "users"), filepath.Join(folder, "temp")
	changeRoots(t, lockRoots{home: func(int) string { return home }, login: users, temp: temp})
	login, inTemp := filepath.Join(users, strconv.Itoa(os.Geteuid())), filepath.Join(temp, "forcecred-"+strconv.Itoa(os.Geteuid()))
	states := map[string]func() error{
		"home alone":        func() error { return os.Mkdir(home, 0o700) },
		"home and login":    func() error { return errors.Join(os.Mkdir(home, 0o700), os.Mkdir(login, 0o700)) },
		"temp taken":        func() error { return errors.Join(os.Mkdir(home, 0o700), takePath(inTemp)) },
		"login, temp taken": func() error { return errors.Join(os.Mkdir(home, 0o700), os.Mkdir(login, 0o700), takePath(inTemp)) },
	}
	for before, first := range states {
		for after, second := range states {
			must(t, os.RemoveAll(folder))
			for _, dir := range []string{users, temp} {
				must(t, os.MkdirAll(dir, 0o700))
			}
			must(t, first())
			var notices []string
			s := New(Config{Backend: WinCred, Notify: func(message string) { notices = append(notices, message) }})
			lock, err := s.Lock(t.Context(), "prod")
			must(t, err)
			if isTaken := strings.Contains(before, "taken"); isTaken != (len(notices) == 1) || isTaken && !strings.Contains(notices[0], inTemp) {
				t.Errorf("%s: notices %q", before, notices)
			}
			// The home stays, as homes do. Everything else changes.
			must(t, os.RemoveAll(login))
			must(t, os.RemoveAll(inTemp))
			must(t, os.Rename(home, home+".aside"))
			must(t, second())
			must(t, os.Remove(home))
			must(t, os.Rename(home+".aside", home))
			other := New(Config{Backend: WinCred})
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			if _, err := other.Lock(ctx, "prod"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s, then %s: the lock was taken twice (%v)", before, after, err)
			}
			cancel()
			must(t, lock.Release())
			lock, err = other.Lock(t.Context(), "prod")
			must(t, err)
			must(t, lock.Release())
		}
	}
}

// takePath creates what another user may have put at path.
func takePath(path string) error {
	if os.Getuid() != 0 {
		return os.Symlink("/", path)
	}
	if err := os.Mkdir(path, 0o777); err != nil {
		return err
	}
	return os.Chown(path, 65534, 65534)
}

// TestNoLockFolder: the user has no home, and another user has taken the folder in /tmp. Lock
// fails.
func TestNoLockFolder(t *testing.T) {
	temp := t.TempDir()
	changeRoots(t, lockRoots{home: func(int) string { return "" }, login: "/nowhere", temp: temp})
	taken := filepath.Join(temp, "forcecred-"+strconv.Itoa(os.Geteuid()))
	must(t, takePath(taken))
	s := New(Config{Backend: WinCred, Notify: func(message string) { t.Errorf("notice: %s", message) }})
	_, err := s.Lock(t.Context(), "prod")
	wantError(t, err, keystore.ErrUnavailable, taken, "delete")
}

// TestHostileLockDir: another user has put something at the folder's path in /tmp.
func TestHostileLockDir(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, put := range map[string]func(path string) error{
		"a link":                   func(path string) error { return os.Symlink(folder, path) },
		"a file":                   func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"a folder of another user": takePath,
	} {
		path := filepath.Join(t.TempDir(), "forcecred-0")
		must(t, put(path))
		s, _, _ := newFake(t, WinCred)
		s.config.LockDir = path
		_, err := s.Lock(t.Context(), "prod")
		wantError(t, err, keystore.ErrUnavailable, path, "delete")
		wantError(t, s.Set(t.Context(), prod, []byte(item)), keystore.ErrUnavailable, path, "delete")
		if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
			t.Errorf("%s: %d files were created in another folder (%v)", name, len(entries), err)
		}
	}
}
