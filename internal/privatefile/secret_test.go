package privatefile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"forcecred/keystore"
)

func TestReadSecret(t *testing.T) {
	t.Parallel()
	root := os.Geteuid() == 0
	for _, tt := range []struct {
		name string
		mode os.FileMode
		size int
		says string // "" is success
	}{
		{"the user's", 0o600, 8, ""},
		{"read-only", 0o400, 8, ""},
		{"the group's", 0o640, 8, "has mode 0640"},
		{"the world's", 0o604, 8, "has mode 0604"},
		{"the group may write", 0o620, 8, "has mode 0620"},
		{"large", 0o600, maxSecret, ""},
		{"too large", 0o600, maxSecret + 1, "has more than"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" && tt.mode.Perm()&0o077 != 0 {
				t.Skip("files have no modes there")
			}
			path := filepath.Join(t.TempDir(), "key.pem")
			want := bytes.Repeat([]byte("k"), tt.size)
			if err := errors.Join(os.WriteFile(path, want, 0o600), os.Chmod(path, tt.mode)); err != nil {
				t.Fatal(err)
			}
			if root && tt.mode == 0o640 {
				tt.says = "" // root's own, that its group may read
			}
			got, err := ReadSecret(path)
			if tt.says == "" {
				if err != nil || got.Reveal() != string(want) {
					t.Errorf("%v, %d bytes", err, len(got.Reveal()))
				}
				return
			}
			if e, ok := errors.AsType[*keystore.Error](err); !ok || !strings.Contains(e.Error(), tt.says) || !got.Empty() {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
	if _, err := ReadSecret(t.TempDir()); err == nil {
		t.Error("a folder is a secret")
	}
}
