//go:build unix

package privatefile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"forcecred/keystore"
)

// TestLockOfDeletedFile: a process that waited for a lock file which was deleted
// meanwhile locks the new file, as the next process does.
func TestLockOfDeletedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "prod.lock")
	first, err := Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	type result struct {
		lock *FileLock
		err  error
	}
	waited := make(chan result, 1)
	go func() {
		lock, err := Lock(t.Context(), path)
		waited <- result{lock, err}
	}()
	time.Sleep(5 * lockInterval) // until it has opened the file; if it has not, there is nothing to see
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := first.Check(); !errors.Is(err, keystore.ErrLockLost) {
		t.Errorf("the lock of a deleted file: %v", err)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	second := <-waited
	if second.err != nil {
		t.Fatal(second.err)
	}
	if err := second.lock.Check(); err != nil {
		t.Error(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 5*lockInterval)
	defer cancel()
	if _, err := Lock(short, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("two processes have the lock: %v", err)
	}
	if err := second.lock.Release(); err != nil {
		t.Error(err)
	}
}

// TestLockKeepsFileYoung: a lock makes its file new, so that a program that deletes old
// files leaves it while it is held.
func TestLockKeepsFileYoung(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "prod.lock")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().AddDate(0, 0, -30)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	lock, err := Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || time.Since(info.ModTime()) > time.Hour {
		t.Errorf("the file of a lock that is held is %v old (%v)", time.Since(info.ModTime()), err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

// BenchmarkLock takes and releases a lock that nobody else wants.
func BenchmarkLock(b *testing.B) {
	path := filepath.Join(b.TempDir(), "prod.lock")
	for b.Loop() {
		lock, err := Lock(b.Context(), path)
		if err != nil {
			b.Fatal(err)
		}
		if err := lock.Release(); err != nil {
			b.Fatal(err)
		}
	}
}
