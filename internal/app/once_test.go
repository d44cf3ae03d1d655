package app

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"forcecred/internal/config"
)

func TestIsFirst(t *testing.T) {
	t.Parallel()
	h := Helper{paths: config.Paths{DataDir: filepath.Join(t.TempDir(), "not", "there", "yet")}}
	var all sync.WaitGroup
	var first atomic.Int32
	for range 100 {
		all.Go(func() {
			if h.IsFirst("a-notice") {
				first.Add(1)
			}
		})
	}
	all.Wait()
	if first.Load() != 1 {
		t.Errorf("a notice was new %d times", first.Load())
	}
	if !h.IsFirst("another") || h.IsFirst("another") {
		t.Error("notices are not told apart")
	}
}

// TestIsFirstWithoutAFolder: where nothing can be remembered, nothing is kept back.
func TestIsFirstWithoutAFolder(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(data, []byte("no folder"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := Helper{paths: config.Paths{DataDir: data}}
	for range 2 {
		if !h.IsFirst("a-notice") {
			t.Error("a notice is kept back")
		}
	}
}
