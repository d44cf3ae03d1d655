//go:build unix

package keyring

import (
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"

	"forcecred/internal/privatefile"
)

// lockRoots are the parents of the lock folders.
type lockRoots struct {
	home  func(uid int) string // the user's home in the user database, or ""
	login string               // the parent of the folders of logins, which are named by uid
	temp  string               // where every user may create a folder
}

// systemRoots is changed by tests alone.
var systemRoots = lockRoots{home: homeOf, login: "/run/user", temp: "/tmp"}

// lockDirs returns the folders in which a process locks, in the order of locking. A
// process uses every folder that it can. Then two processes share a lock even if a folder
// appears, disappears, or is taken by another user between them. No environment variable
// matters: HOME, TMPDIR and XDG_RUNTIME_DIR may differ in another process of the user.
func lockDirs() []string {
	uid := os.Geteuid()
	var dirs []string
	if home := systemRoots.home(uid); isOwnFolder(home, uid) {
		dirs = append(dirs, filepath.Join(home, dataFolder(), "forcecred", "keyring-locks"))
	}
	if login := filepath.Join(systemRoots.login, strconv.Itoa(uid)); isOwnFolder(login, uid) {
		dirs = append(dirs, filepath.Join(login, "forcecred"))
	}
	return append(dirs, filepath.Join(systemRoots.temp, "forcecred-"+strconv.Itoa(uid)))
}

// isOwnFolder reports whether path is a folder of the user. The home of a system user may
// be another user's, or missing.
func isOwnFolder(path string, uid int) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir() && privatefile.IsOwnedBy(info, uid)
}

func homeOf(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return ""
	}
	return u.HomeDir
}

// dataFolder returns where programs store data in a home.
func dataFolder() string {
	if runtime.GOOS == "darwin" {
		return "Library/Application Support"
	}
	return ".local/share"
}
