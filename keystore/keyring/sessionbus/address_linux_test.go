package sessionbus

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDiscoverEnds: discover does not hang if the file with the address is no regular
// file, or too large.
func TestDiscoverEnds(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(path string) error{
		"a FIFO":                  func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a device without an end": func(path string) error { return os.Symlink("/dev/zero", path) },
		"a large file": func(path string) error {
			return os.WriteFile(path, []byte("DBUS_SESSION_BUS_ADDRESS=unix:path=/"+strings.Repeat("x", maxAddress)), 0o600)
		},
	} {
		dir := t.TempDir()
		if err := put(filepath.Join(dir, "dbus-session")); err != nil {
			t.Fatal(err)
		}
		if got := discover(dir); got != "" {
			t.Errorf("%s: the address has %d bytes", name, len(got))
		}
	}
}
