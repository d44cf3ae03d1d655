package keyring

import (
	"path/filepath"
	"slices"
	"testing"
)

// TestLockDirs: the environment does not change the lock folders.
func TestLockDirs(t *testing.T) {
	before := lockDirs()
	for _, name := range []string{"LocalAppData", "AppData", "UserProfile", "HOME", "TEMP", "FORCECRED_HOME"} {
		t.Setenv(name, t.TempDir())
	}
	if got := lockDirs(); len(got) != 1 || !slices.Equal(got, before) || !filepath.IsAbs(got[0]) {
		t.Errorf("got %s, want %s", got, before)
	}
}
