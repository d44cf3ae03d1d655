package config

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestPaths(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, goos string
		env        map[string]string
		want       Paths
		err        string
	}{
		{"linux", "linux", map[string]string{"HOME": "/home/me"}, Paths{DataDir: "/home/me/.local/share/forcecred", IdentityFile: "/home/me/.config/forcecred/identity.txt", UserHome: "/home/me"}, ""},
		{"XDG", "linux", map[string]string{"XDG_DATA_HOME": "/d", "XDG_CONFIG_HOME": "/c"}, Paths{DataDir: "/d/forcecred", IdentityFile: "/c/forcecred/identity.txt"}, ""},
		{"relative XDG is ignored", "linux", map[string]string{"HOME": "/h", "XDG_DATA_HOME": "d"}, Paths{DataDir: "/h/.local/share/forcecred", IdentityFile: "/h/.config/forcecred/identity.txt", UserHome: "/h"}, ""},
		{"half of XDG", "linux", map[string]string{"HOME": "/h", "XDG_DATA_HOME": "/d"}, Paths{DataDir: "/d/forcecred", IdentityFile: "/h/.config/forcecred/identity.txt", UserHome: "/h"}, ""},
		{"macOS", "darwin", map[string]string{"HOME": "/Users/me"}, Paths{DataDir: "/Users/me/Library/Application Support/forcecred", IdentityFile: "/Users/me/Library/Application Support/forcecred/identity.txt", UserHome: "/Users/me"}, ""},
		{"Windows", "windows", map[string]string{"LocalAppData": "/l", "AppData": "/a"}, Paths{DataDir: "/l/forcecred", IdentityFile: "/a/forcecred/identity.txt"}, ""},
		{"one folder", "linux", map[string]string{"FORCECRED_HOME": "/f", "HOME": "/h"}, Paths{DataDir: "/f", IdentityFile: "/f/identity.txt", IsDataDirSet: true, IsIdentityFileSet: true}, ""},
		{"one folder without a home", "linux", map[string]string{"FORCECRED_HOME": "/f"}, Paths{DataDir: "/f", IdentityFile: "/f/identity.txt", IsDataDirSet: true, IsIdentityFileSet: true}, ""},
		{"one folder, and a home that is not used", "linux", map[string]string{"FORCECRED_HOME": "/f", "HOME": "h"}, Paths{DataDir: "/f", IdentityFile: "/f/identity.txt", IsDataDirSet: true, IsIdentityFileSet: true}, ""},
		{"identity elsewhere", "linux", map[string]string{"FORCECRED_HOME": "/f", "FORCECRED_KEY_FILE": "/run/key"}, Paths{DataDir: "/f", IdentityFile: "/run/key", IsDataDirSet: true, IsIdentityFileSet: true}, ""},
		{"data and identity elsewhere", "linux", map[string]string{"XDG_DATA_HOME": "/d", "FORCECRED_KEY_FILE": "/run/key"}, Paths{DataDir: "/d/forcecred", IdentityFile: "/run/key", IsIdentityFileSet: true}, ""},
		{"relative folder", "linux", map[string]string{"FORCECRED_HOME": "f"}, Paths{}, "FORCECRED_HOME is not an absolute path"},
		{"folder with a line end of Windows", "linux", map[string]string{"FORCECRED_HOME": "/f\r"}, Paths{}, "FORCECRED_HOME has a line end or another control character"},
		{"identity with a line end", "linux", map[string]string{"HOME": "/h", "FORCECRED_KEY_FILE": "/id.txt\n"}, Paths{}, "FORCECRED_KEY_FILE has a line end"},
		{"home with an escape", "linux", map[string]string{"HOME": "/h\x1b[2J"}, Paths{}, "HOME has a line end or another control character"},
		{"folder with a tilde", "linux", map[string]string{"FORCECRED_HOME": "~/f"}, Paths{}, "FORCECRED_HOME is not an absolute path: only a shell expands ~"},
		{"identity with a tilde", "linux", map[string]string{"HOME": "/h", "FORCECRED_KEY_FILE": "~/id.txt"}, Paths{}, "FORCECRED_KEY_FILE is not an absolute path: only a shell expands ~"},
		{"relative identity", "linux", map[string]string{"FORCECRED_HOME": "/f", "FORCECRED_KEY_FILE": "id.txt"}, Paths{}, "FORCECRED_KEY_FILE is not an absolute path"},
		{"relative home", "linux", map[string]string{"HOME": "h"}, Paths{}, "HOME is not an absolute path"},
		{"relative home on macOS", "darwin", map[string]string{"HOME": "~"}, Paths{}, "HOME is not an absolute path: only a shell expands ~"},
		{"relative folder on Windows", "windows", map[string]string{"LocalAppData": "l", "AppData": "/a"}, Paths{}, "LocalAppData is not an absolute path"},
		{"relative roaming folder on Windows", "windows", map[string]string{"LocalAppData": "/l", "AppData": "a"}, Paths{}, "AppData is not an absolute path"},
		{"no home", "linux", nil, Paths{}, "HOME is not set"},
		{"no home on Windows", "windows", map[string]string{"AppData": "/a"}, Paths{}, "LocalAppData is not set"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Read(func(name string) string { return ofThisSystem(tt.env[name]) }).pathsOn(tt.goos)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want %q", err, tt.err)
				}
				return
			}
			want := tt.want
			for _, path := range []*string{&want.DataDir, &want.IdentityFile, &want.UserHome} {
				*path = ofThisSystem(*path)
			}
			if err != nil || got != want {
				t.Errorf("got %+v, %v", got, err)
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
