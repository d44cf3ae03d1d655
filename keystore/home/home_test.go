package home

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, goos string
		env        map[string]string
		want       Home
		err        string
	}{
		{"linux", "linux", map[string]string{"HOME": "/home/me"}, Home{"/home/me/.local/share/forcecred", "/home/me/.config/forcecred/identity.txt"}, ""},
		{"XDG", "linux", map[string]string{"XDG_DATA_HOME": "/d", "XDG_CONFIG_HOME": "/c"}, Home{"/d/forcecred", "/c/forcecred/identity.txt"}, ""},
		{"relative XDG is ignored", "linux", map[string]string{"HOME": "/h", "XDG_DATA_HOME": "d"}, Home{"/h/.local/share/forcecred", "/h/.config/forcecred/identity.txt"}, ""},
		{"macOS", "darwin", map[string]string{"HOME": "/Users/me"}, Home{"/Users/me/Library/Application Support/forcecred", "/Users/me/Library/Application Support/forcecred/identity.txt"}, ""},
		{"Windows", "windows", map[string]string{"LocalAppData": "/l", "AppData": "/a"}, Home{"/l/forcecred", "/a/forcecred/identity.txt"}, ""},
		{"one folder", "linux", map[string]string{"FORCECRED_HOME": "/f", "HOME": "/h"}, Home{"/f", "/f/identity.txt"}, ""},
		{"one folder without a home", "linux", map[string]string{"FORCECRED_HOME": "/f"}, Home{"/f", "/f/identity.txt"}, ""},
		{"identity elsewhere", "linux", map[string]string{"FORCECRED_HOME": "/f", "FORCECRED_KEY_FILE": "/run/key"}, Home{"/f", "/run/key"}, ""},
		{"relative folder", "linux", map[string]string{"FORCECRED_HOME": "f"}, Home{}, "FORCECRED_HOME is not an absolute path"},
		{"no home", "linux", nil, Home{}, "HOME is not set"},
		{"no home on Windows", "windows", map[string]string{"AppData": "/a"}, Home{}, "LocalAppData or AppData is not set"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Find(tt.goos, func(name string) string { return ofThisSystem(tt.env[name]) })
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want %q", err, tt.err)
				}
				return
			}
			if want := (Home{ofThisSystem(tt.want.Data), ofThisSystem(tt.want.Identity)}); err != nil || got != want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// ofThisSystem returns an absolute path as the system of the test has it.
func ofThisSystem(path string) string {
	if runtime.GOOS == "windows" && strings.HasPrefix(path, "/") {
		return "C:" + filepath.FromSlash(path)
	}
	return path
}
