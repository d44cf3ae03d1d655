//go:build unix

package plugin

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"forcecred/protocol"
	"forcecred/protocol/remedy"

	"golang.org/x/sys/unix"
)

const (
	// A plugin's folder is folderPrefix with digits after it. Both names are short,
	// because the path of a socket must be short.
	folderPrefix = "forcecred-plugin"
	socketName   = "s"

	// maxSocketPath is the length of a Unix socket's path, in bytes: 107 on Linux,
	// 103 on macOS.
	maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

	// minLeftoverAge is the least age of a folder that another plugin removes. A plugin
	// that starts needs a moment between making its folder and locking it.
	minLeftoverAge = time.Minute
)

// socket is a listener in a folder that only this user can enter, with any umask.
type socket struct {
	net.Listener
	folder string
	lock   *os.File // of the folder; shows other plugins that this one is running
}

// listen opens a socket in a new folder of its own. Its error is a
// [*protocol.Error].
func listen(getenv func(string) string) (*socket, error) {
	variable, parent := "PLUGIN_UNIX_SOCKET_DIR", getenv("PLUGIN_UNIX_SOCKET_DIR")
	if parent == "" {
		variable, parent = "TMPDIR", getenv("TMPDIR")
	}
	if parent == "" {
		parent = "/tmp"
	}
	if !filepath.IsAbs(parent) {
		return nil, protocol.Errorf(protocol.Usage, "%s is not an absolute path", variable)
	}
	removeLeftovers(parent)
	folder, err := os.MkdirTemp(parent, folderPrefix)
	if err != nil {
		e := protocol.Errorf(protocol.Usage, "cannot make a folder for the plugin's socket: %v", err)
		e.Remedy = remedy.Remedy{Code: "set_socket_folder", Name: variable}
		return nil, e
	}
	s := &socket{folder: folder}
	if err := s.open(variable); err != nil {
		s.Remove()
		return nil, err
	}
	return s, nil
}

// open opens the socket in its folder, which that variable named.
func (s *socket) open(variable string) error {
	path := filepath.Join(s.folder, socketName)
	if len(path) > maxSocketPath {
		e := protocol.Errorf(protocol.Usage, "the path of the plugin's socket is too long: it has %d bytes, the system allows %d", len(path), maxSocketPath)
		e.Remedy = remedy.Remedy{Code: "set_shorter_folder", Name: variable}
		return e
	}
	// The umask may also have removed permissions of this user.
	err := os.Chmod(s.folder, 0o700)
	if err == nil {
		s.lock, err = os.Open(s.folder)
	}
	if err == nil {
		// On a file system without locks no plugin removes leftovers.
		_ = unix.Flock(int(s.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		s.Listener, err = net.Listen("unix", path)
	}
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return protocol.Errorf(protocol.Internal, "cannot open the plugin's socket: %v", err)
	}
	return nil
}

// Remove closes the socket and removes its folder.
func (s *socket) Remove() {
	// Best effort: the next plugin removes the rest.
	if s.Listener != nil {
		_ = s.Listener.Close() // which removes the file
	}
	_ = os.Remove(s.folder)
	if s.lock != nil {
		_ = s.lock.Close()
	}
}

// removeLeftovers removes the folders of this user's plugins that were killed.
func removeLeftovers(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return // making a folder there fails too, and reports the reason
	}
	for _, entry := range entries {
		if entry.IsDir() && strings.HasPrefix(entry.Name(), folderPrefix) {
			removeLeftover(filepath.Join(parent, entry.Name()))
		}
	}
}

// removeLeftover removes a plugin's folder if no process holds its lock. Another user may
// replace the folder by a link meanwhile. So it removes nothing by a path but an empty
// folder.
func removeLeftover(folder string) {
	f, err := os.OpenFile(folder, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || time.Since(info.ModTime()) < minLeftoverAge {
		return
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Geteuid() {
		return
	}
	fd := int(f.Fd())
	if unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) != nil {
		return // that plugin is running
	}
	_ = unix.Unlinkat(fd, socketName, 0)
	_ = unix.Rmdir(folder)
}
