package sfcli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/sfcli/folderlock"
)

func (r *cliFolder) rotationLock() string { return r.path() + ".token-rotation.lock" }

func makeLock(t *testing.T, path string, touched time.Time) {
	t.Helper()
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, touched, touched); err != nil {
		t.Fatal(err)
	}
}

// TestStaleLock: Lock takes a lock that a dead process has left.
func TestStaleLock(t *testing.T) {
	t.Parallel()
	r := newCLIFolder(t)
	makeLock(t, r.rotationLock(), time.Now().Add(-time.Minute))
	lock, err := r.open().Lock(t.Context(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(r.rotationLock()); err != nil || time.Since(info.ModTime()) > folderlock.StaleAfter {
		t.Errorf("the CLI would consider this process dead: %v", err)
	}
	if err := errors.Join(lock.Release(), lock.Release()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(r.rotationLock()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock is left: %v", err)
	}
}

// TestLiveLock: Lock waits for a lock that is touched, and never breaks it.
func TestLiveLock(t *testing.T) {
	t.Parallel()
	r := newCLIFolder(t)
	makeLock(t, r.rotationLock(), time.Now().Add(time.Hour)) // for as long as the test takes
	ctx, cancel := context.WithTimeout(t.Context(), 10*folderlock.Interval)
	defer cancel()
	if _, err := r.open().Lock(ctx, "prod"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's end", err)
	}
	taken := make(chan error, 1)
	go func() {
		lock, err := r.open().Lock(t.Context(), "prod") // the first call has released config.Own's lock
		if err == nil {
			err = lock.Release()
		}
		taken <- err
	}()
	if err := os.Remove(r.rotationLock()); err != nil {
		t.Fatal(err)
	}
	if err := <-taken; err != nil {
		t.Error(err)
	}
}

// TestLostLock: a process that was stopped so long that another took its lock spends
// nothing, and leaves the other's lock alone.
func TestLostLock(t *testing.T) {
	t.Parallel()
	r := newCLIFolder(t)
	s := r.open()
	lock, err := s.Lock(t.Context(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(r.rotationLock()); err != nil {
		t.Fatal(err)
	}
	makeLock(t, r.rotationLock(), time.Now().Add(time.Second))
	key := keystore.Key{Kind: keystore.KindJournal, Org: "prod"}
	if err := s.Set(t.Context(), key, []byte("test-journal-key")); !errors.Is(err, keystore.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(r.rotationLock()); err != nil {
		t.Errorf("the other's lock is gone: %v", err)
	}
}

// TestLockCachesCLIToken: if the CLI refreshed while Lock waited, Lock caches the token. Its
// session began no earlier than the last read of the old token.
func TestLockCachesCLIToken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, access string
		isCached     bool
	}{
		{"a new token", "test-access-token-2", true},
		{"the same token", "test-access-token-1", false},
		{"a JWT, which has its own expiry", "eyJ0.test-access-token-2", false},
	} {
		r := newCLIFolder(t)
		s := r.open()
		r.grant(t, s, "prod")
		seen := time.Now()
		r.logIn(t, "test-refresh-token-2", tt.access) // as the CLI does after a refresh
		lock, err := s.Lock(t.Context(), "prod")
		if err != nil {
			t.Fatal(err)
		}
		token, err := keystore.LoadToken(t.Context(), r.open(), "prod")
		switch {
		case !tt.isCached && !errors.Is(err, keystore.ErrNotFound):
			t.Errorf("%s: %v, want none cached", tt.name, err)
		case tt.isCached && (err != nil || token.AccessToken.Reveal() != tt.access || token.ExpiresAt.After(seen.Add(assumedSessionLength)) ||
			token.InstanceURL != "https://acme.my.salesforce.com" || token.ExpiresSource != "assumed"):
			t.Errorf("%s: %v, %+v", tt.name, err, token)
		}
		if err := lock.Release(); err != nil {
			t.Error(err)
		}
	}
}

// TestUnwritable: nothing is spent if the next refresh token could not be stored.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	r := newCLIFolder(t)
	moved := filepath.Join(r.dir, "moved")
	if err := errors.Join(os.Rename(r.path(), moved), os.Symlink(moved, r.path())); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	if info, err := os.Lstat(r.path()); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Skip("no symbolic links here: wine reports success and makes none")
	}
	key := keystore.Key{Kind: keystore.KindJournal, Org: "prod"}
	if err := r.open().Set(t.Context(), key, []byte("test-journal-key")); !errors.Is(err, keystore.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

// TestLockCachesCLITokenOfTheWait: a process that has read nothing before it waits for the
// lock still finds the CLI's refresh.
func TestLockCachesCLITokenOfTheWait(t *testing.T) {
	t.Parallel()
	r := newCLIFolder(t)
	makeLock(t, r.rotationLock(), time.Now().Add(time.Hour))
	s := r.open()
	locked := make(chan error, 1)
	go func() {
		lock, err := s.Lock(t.Context(), "prod")
		if err == nil {
			err = lock.Release()
		}
		locked <- err
	}()
	isRead := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.snapshots) > 0
	}
	for !isRead() {
		time.Sleep(time.Millisecond)
	}
	r.logIn(t, "test-refresh-token-2", "test-access-token-2")
	if err := errors.Join(os.Remove(r.rotationLock()), <-locked); err != nil {
		t.Fatal(err)
	}
	if token, err := keystore.LoadToken(t.Context(), r.open(), "prod"); err != nil || token.AccessToken.Reveal() != "test-access-token-2" {
		t.Errorf("the CLI's token is not cached: %v", err)
	}
}
