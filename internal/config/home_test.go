package config

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
		{"linux", "linux", map[string]string{"HOME": "/home/me"}, Home{Data: "/home/me/.local/share/forcecred", Identity: "/home/me/.config/forcecred/identity.txt", User: "/home/me"}, ""},
		{"XDG", "linux", map[string]string{"XDG_DATA_HOME": "/d", "XDG_CONFIG_HOME": "/c"}, Home{Data: "/d/forcecred", Identity: "/c/forcecred/identity.txt"}, ""},
		{"relative XDG is ignored", "linux", map[string]string{"HOME": "/h", "XDG_DATA_HOME": "d"}, Home{Data: "/h/.local/share/forcecred", Identity: "/h/.config/forcecred/identity.txt", User: "/h"}, ""},
		{"half of XDG", "linux", map[string]string{"HOME": "/h", "XDG_DATA_HOME": "/d"}, Home{Data: "/d/forcecred", Identity: "/h/.config/forcecred/identity.txt", User: "/h"}, ""},
		{"macOS", "darwin", map[string]string{"HOME": "/Users/me"}, Home{Data: "/Users/me/Library/Application Support/forcecred", Identity: "/Users/me/Library/Application Support/forcecred/identity.txt", User: "/Users/me"}, ""},
		{"Windows", "windows", map[string]string{"LocalAppData": "/l", "AppData": "/a"}, Home{Data: "/l/forcecred", Identity: "/a/forcecred/identity.txt"}, ""},
		{"one folder", "linux", map[string]string{"FORCECRED_HOME": "/f", "HOME": "/h"}, Home{Data: "/f", Identity: "/f/identity.txt", IsDataNamed: true, IsIdentityNamed: true}, ""},
		{"one folder without a home", "linux", map[string]string{"FORCECRED_HOME": "/f"}, Home{Data: "/f", Identity: "/f/identity.txt", IsDataNamed: true, IsIdentityNamed: true}, ""},
		{"one folder, and a home that is not used", "linux", map[string]string{"FORCECRED_HOME": "/f", "HOME": "h"}, Home{Data: "/f", Identity: "/f/identity.txt", IsDataNamed: true, IsIdentityNamed: true}, ""},
		{"identity elsewhere", "linux", map[string]string{"FORCECRED_HOME": "/f", "FORCECRED_KEY_FILE": "/run/key"}, Home{Data: "/f", Identity: "/run/key", IsDataNamed: true, IsIdentityNamed: true}, ""},
		{"data and identity elsewhere", "linux", map[string]string{"XDG_DATA_HOME": "/d", "FORCECRED_KEY_FILE": "/run/key"}, Home{Data: "/d/forcecred", Identity: "/run/key", IsIdentityNamed: true}, ""},
		{"relative folder", "linux", map[string]string{"FORCECRED_HOME": "f"}, Home{}, "FORCECRED_HOME is not an absolute path"},
		{"folder with a tilde", "linux", map[string]string{"FORCECRED_HOME": "~/f"}, Home{}, "FORCECRED_HOME is not an absolute path: only a shell expands ~"},
		{"identity with a tilde", "linux", map[string]string{"HOME": "/h", "FORCECRED_KEY_FILE": "~/id.txt"}, Home{}, "FORCECRED_KEY_FILE is not an absolute path: only a shell expands ~"},
		{"relative identity", "linux", map[string]string{"FORCECRED_HOME": "/f", "FORCECRED_KEY_FILE": "id.txt"}, Home{}, "FORCECRED_KEY_FILE is not an absolute path"},
		{"relative home", "linux", map[string]string{"HOME": "h"}, Home{}, "HOME is not an absolute path"},
		{"relative home on macOS", "darwin", map[string]string{"HOME": "~"}, Home{}, "HOME is not an absolute path: only a shell expands ~"},
		{"relative folder on Windows", "windows", map[string]string{"LocalAppData": "l", "AppData": "/a"}, Home{}, "LocalAppData is not an absolute path"},
		{"relative roaming folder on Windows", "windows", map[string]string{"LocalAppData": "/l", "AppData": "a"}, Home{}, "AppData is not an absolute path"},
		{"no home", "linux", nil, Home{}, "HOME is not set"},
		{"no home on Windows", "windows", map[string]string{"AppData": "/a"}, Home{}, "LocalAppData is not set"},
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
			want := tt.want
			for _, path := range []*string{&want.Data, &want.Identity, &want.User} {
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
