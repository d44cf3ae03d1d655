//go:build unix

package plugin

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forcecred/protocol"
)

// shortDir returns a folder whose path is short enough for a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "sock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// listenIn opens a plugin's socket in a folder in dir.
func listenIn(t *testing.T, dir string) *socket {
	t.Helper()
	s, err := listen(environ(map[string]string{"TMPDIR": dir}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	return s
}

func environ(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

func TestListen(t *testing.T) {
	t.Parallel()
	dir, hosts := shortDir(t), shortDir(t)
	for _, tt := range []struct {
		name string
		env  map[string]string
		in   string
	}{
		{"TMPDIR", map[string]string{"TMPDIR": dir}, dir},
		{"the host's folder", map[string]string{"TMPDIR": "/nowhere", "PLUGIN_UNIX_SOCKET_DIR": hosts}, hosts},
		{"neither", nil, "/tmp"},
	} {
		s, err := listen(environ(tt.env))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		path := s.Addr().String()
		if filepath.Dir(filepath.Dir(path)) != tt.in || filepath.Dir(path) != s.folder {
			t.Errorf("%s: the socket is %s", tt.name, path)
		}
		for file, want := range map[string]os.FileMode{s.folder: os.ModeDir | 0o700, path: os.ModeSocket | 0o600} {
			if info, err := os.Lstat(file); err != nil || info.Mode() != want {
				t.Errorf("%s: %s: %v, %v, want %v", tt.name, file, info.Mode(), err, want)
			}
		}
		s.Remove()
		if _, err := os.Lstat(s.folder); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the folder was not removed: %v", tt.name, err)
		}
	}
}

func TestListenRefuses(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	long := filepath.Join(dir, strings.Repeat("x", maxSocketPath-len(dir)-len(folderPrefix)-len(socketName)-2))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, variable, value, want string
	}{
		{"too long", "TMPDIR", long, "the path of the plugin's socket is too long"},
		{"too long, the host's", "PLUGIN_UNIX_SOCKET_DIR", long, "the path of the plugin's socket is too long"},
		{"not there", "TMPDIR", filepath.Join(dir, "nowhere"), "cannot make a folder for the plugin's socket"},
		{"relative", "TMPDIR", "tmp", "TMPDIR is not an absolute path"},
		{"relative, the host's", "PLUGIN_UNIX_SOCKET_DIR", "tmp", "PLUGIN_UNIX_SOCKET_DIR is not an absolute path"},
	} {
		s, err := listen(environ(map[string]string{tt.variable: tt.value}))
		if err == nil {
			s.Remove()
		}
		e, ok := errors.AsType[*protocol.Error](err)
		if !ok || e.Code != protocol.Usage || !strings.Contains(e.Message, tt.want) || !strings.Contains(e.Message+e.Remedy.Name, tt.variable) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if left, err := os.ReadDir(long); err != nil || len(left) != 0 {
		t.Errorf("not removed: %v, %v", left, err)
	}
}

// TestRemoveLeftovers checks that a plugin removes the folders of killed plugins, and nothing else.
func TestRemoveLeftovers(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	old := time.Now().Add(-2 * minLeftoverAge)
	age := func(path string) {
		t.Helper()
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	leave := func(name string) (folder string) {
		t.Helper()
		folder = filepath.Join(dir, name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(folder, socketName)})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	runs := listenIn(t, dir)
	age(runs.folder)
	killed, young, others, full := leave("forcecred-plugin1"), leave("forcecred-plugin2"), leave("other3"), leave("forcecred-plugin4")
	if err := os.WriteFile(filepath.Join(full, "more"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link, target := filepath.Join(dir, "forcecred-plugin5"), leave("target")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{killed, others, full, target} {
		age(folder)
	}
	next := listenIn(t, dir)
	if _, err := os.Lstat(killed); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a killed plugin's folder was not removed: %v", err)
	}
	for _, path := range []string{
		runs.Addr().String(), next.Addr().String(), filepath.Join(young, socketName), filepath.Join(others, socketName),
		filepath.Join(full, "more"), filepath.Join(target, socketName), link,
	} {
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("another folder was removed: %v", err)
		}
	}
}
