package regularfile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// openTimeout is far longer than any open takes that does not block.
const openTimeout = 3 * time.Minute

const limit = 1000

// fixtures put something at a path.
var fixtures = []struct {
	name string
	put  func(path string) error
	want error // nil is success
}{
	{"a file", func(path string) error { return os.WriteFile(path, make([]byte, limit), 0o600) }, nil},
	{"a link to a file", func(path string) error {
		return errors.Join(os.WriteFile(path+".to", nil, 0o600), os.Symlink(path+".to", path))
	}, nil},
	{"an empty file", func(path string) error { return os.WriteFile(path, nil, 0o600) }, nil},
	{"a FIFO", func(path string) error { return syscall.Mkfifo(path, 0o600) }, ErrNotRegular},
	{"a link to a FIFO", func(path string) error {
		return errors.Join(syscall.Mkfifo(path+".to", 0o600), os.Symlink(path+".to", path))
	}, ErrNotRegular},
	{"a folder", func(path string) error { return os.Mkdir(path, 0o700) }, ErrNotRegular},
	{"an endless device", func(path string) error { return os.Symlink("/dev/zero", path) }, ErrNotRegular},
	{"an empty device", func(path string) error { return os.Symlink("/dev/null", path) }, ErrNotRegular},
	{"a terminal", func(path string) error { return os.Symlink("/dev/ptmx", path) }, ErrNotRegular},
	{"a socket", func(path string) error { return syscall.Mknod(path, syscall.S_IFSOCK|0o600, 0) }, ErrNotRegular},
	{"a link to itself", func(path string) error { return os.Symlink(path, path) }, syscall.ELOOP},
	{"a link to nothing", func(path string) error { return os.Symlink(path+".to", path) }, fs.ErrNotExist},
	{"nothing", func(string) error { return nil }, fs.ErrNotExist},
	{"a file that is too large", func(path string) error { return os.WriteFile(path, make([]byte, limit+1), 0o600) }, ErrTooLarge},
	{"a file that is far too large", func(path string) error {
		return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40))
	}, ErrTooLarge},
}

// TestRead: Read returns at once, whatever is at the path.
func TestRead(t *testing.T) {
	t.Parallel()
	for _, tt := range fixtures {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "file")
			if err := tt.put(path); err != nil {
				t.Fatal(err)
			}
			if err := returnsInTime(t, func() error { _, err := Read(path, limit); return err }); !errors.Is(err, tt.want) {
				t.Errorf("read: %v, want %v", err, tt.want)
			}
		})
	}
}

// TestOpen: Open returns at once too, for writing in place and with NoFollow.
func TestOpen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		flags int
		want  error
	}{
		{"a file", os.O_WRONLY | NoFollow, nil},
		{"a file", os.O_RDONLY | NoFollow, nil},
		{"a link to a file", os.O_WRONLY | NoFollow, ErrNotRegular},
		{"a link to a file", os.O_RDONLY | NoFollow, ErrNotRegular},
		{"a link to a file", os.O_WRONLY, nil},
		{"a FIFO", os.O_WRONLY | NoFollow, ErrNotRegular},
		{"a FIFO", os.O_RDONLY | NoFollow, ErrNotRegular},
		{"a socket", os.O_WRONLY | NoFollow, ErrNotRegular},
		{"an endless device", os.O_WRONLY, ErrNotRegular},
		{"a folder", os.O_RDONLY | NoFollow, ErrNotRegular},
		{"a folder", os.O_WRONLY, syscall.EISDIR},
	} {
		path := filepath.Join(t.TempDir(), "file")
		for _, fixture := range fixtures {
			if fixture.name == tt.name {
				if err := fixture.put(path); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := returnsInTime(t, func() error { return openAndClose(path, tt.flags) }); !errors.Is(err, tt.want) {
			t.Errorf("%s with flags %#x: %v, want %v", tt.name, tt.flags, err, tt.want)
		}
	}
}

func openAndClose(path string, flags int) error {
	file, _, err := Open(path, flags)
	if err != nil {
		return err
	}
	return file.Close()
}

func returnsInTime(t *testing.T, do func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-time.After(openTimeout):
		t.Fatal("it blocks")
		return nil
	}
}

// TestWrapPermission runs as an ordinary user, because root may open any file.
func TestWrapPermission(t *testing.T) {
	const asChild = "TEST_WRAP_PERMISSION_DIR"
	if dir := os.Getenv(asChild); dir != "" {
		testWrapPermission(t, dir)
		return
	}
	dir := t.TempDir()
	own, program := filepath.Join(dir, "own"), filepath.Join(dir, "test")
	self, err := os.ReadFile(os.Args[0])
	if err := errors.Join(err, os.Mkdir(own, 0o700), os.WriteFile(program, self, 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestWrapPermission$", "-test.v")
	cmd.Env = append(os.Environ(), asChild+"="+dir)
	cmd.Dir = "/"
	if os.Geteuid() == 0 {
		const nobody = 65534
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if err := errors.Join(os.Mkdir(filepath.Join(dir, "roots"), 0o700), os.Chown(own, nobody, nobody)); err != nil {
			t.Fatal(err)
		}
		for path := dir; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
			if err := os.Chmod(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: TestWrapPermission")) {
		t.Errorf("%v: %s", err, out)
	}
}

func testWrapPermission(t *testing.T, dir string) {
	own, roots := filepath.Join(dir, "own"), filepath.Join(dir, "roots")
	file, folder := filepath.Join(own, "file"), filepath.Join(own, "folder")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Chmod(file, 0), os.Mkdir(folder, 0o700), os.Chmod(folder, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		do   func() error
		want string
		path string
	}{
		{"an own file", func() error { _, err := os.Open(file); return err }, "; it belongs to this user (uid ", file},
		{"below an own folder", func() error { _, err := os.Open(filepath.Join(folder, "a", "b")); return err }, folder + " belongs to this user (uid ", folder},
		{"a new file", func() error { _, err := os.Create(filepath.Join(folder, "new")); return err }, ", mode 0600", folder},
		{"a new folder", func() error { return os.Mkdir(filepath.Join(folder, "new"), 0o700) }, ", mode 0600", folder},
		{"a file to be removed", func() error { return os.Remove(filepath.Join(folder, "new")) }, ", mode 0600", folder},
		{"a file to be moved", func() error { return os.Rename(file, filepath.Join(folder, "new")) }, ", mode 0600", folder},
		{"in the root folder", func() error { return os.Mkdir("/forcecred-test", 0o700) }, "/ belongs to root, mode ", "/"},
		{"in a folder of root", func() error { _, err := os.ReadDir(roots); return err }, "; it belongs to root, mode 0700", roots},
	} {
		if tt.path == roots {
			if _, err := os.Stat(roots); err != nil {
				continue // only root can make it
			}
		}
		err := tt.do()
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v, want fs.ErrPermission", tt.name, err)
			continue
		}
		wrapped := WrapPermission(err)
		denied, ok := errors.AsType[*PermissionError](wrapped)
		if !ok || denied.Path != tt.path || !strings.Contains(wrapped.Error(), tt.want) || !errors.Is(wrapped, fs.ErrPermission) {
			t.Errorf("%s: %v, want %q", tt.name, wrapped, tt.want)
		}
		if again := WrapPermission(wrapped); again.Error() != wrapped.Error() {
			t.Errorf("%s: wrapped twice: %v", tt.name, again)
		}
	}
	if _, err := os.Open(filepath.Join(dir, "nosuch")); WrapPermission(err) != err {
		t.Error("an error other than fs.ErrPermission is wrapped")
	}
}
