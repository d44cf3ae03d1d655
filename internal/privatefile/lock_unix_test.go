//go:build unix

package privatefile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestLockOfDeletedFile: a process that waited for a lock file which was deleted
// meanwhile locks the new file, as the next process does.
func TestLockOfDeletedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "prod.lock")
	unlockFirst, err := Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	type result struct {
		unlock func() error
		err    error
	}
	waited := make(chan result, 1)
	go func() {
		unlock, err := Lock(t.Context(), path)
		waited <- result{unlock, err}
	}()
	time.Sleep(5 * lockInterval) // until it has opened the file; if it has not, there is nothing to see
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := unlockFirst(); err != nil {
		t.Fatal(err)
	}
	second := <-waited
	if second.err != nil {
		t.Fatal(second.err)
	}
	short, cancel := context.WithTimeout(t.Context(), 5*lockInterval)
	defer cancel()
	if _, err := Lock(short, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("two processes have the lock: %v", err)
	}
	if err := second.unlock(); err != nil {
		t.Error(err)
	}
}
