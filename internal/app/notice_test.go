package app

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"forcecred/internal/config"
)

func TestIsFirstNotice(t *testing.T) {
	t.Parallel()
	h := Helper{paths: config.Paths{DataDir: filepath.Join(t.TempDir(), "not", "there", "yet")}}
	var all sync.WaitGroup
	var first atomic.Int32
	for range 100 {
		all.Go(func() {
			if h.IsFirstNotice("a-notice") {
				first.Add(1)
			}
		})
	}
	all.Wait()
	if first.Load() != 1 {
		t.Errorf("a notice was new %d times", first.Load())
	}
	if !h.IsFirstNotice("another") || h.IsFirstNotice("another") {
		t.Error("two notices are taken for one")
	}
}

// TestIsFirstNoticeWithoutAFolder: if nothing can be recorded, every notice is shown.
func TestIsFirstNoticeWithoutAFolder(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(data, []byte("no folder"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := Helper{paths: config.Paths{DataDir: data}}
	for range 2 {
		if !h.IsFirstNotice("a-notice") {
			t.Error("a notice is not shown")
		}
	}
}
