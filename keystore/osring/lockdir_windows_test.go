package osring

import (
	"path/filepath"
	"testing"
)

// TestDefaultLockDir holds that the environment has no say in it.
func TestDefaultLockDir(t *testing.T) {
	before, err := defaultLockDir()
	must(t, err)
	for _, name := range []string{"LocalAppData", "AppData", "UserProfile", "HOME", "TEMP", "FORCECRED_HOME"} {
		t.Setenv(name, t.TempDir())
	}
	got, err := defaultLockDir()
	if err != nil || got != before || !filepath.IsAbs(got) {
		t.Errorf("got %s (%v), want %s", got, err, before)
	}
}
