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

// roots are the folders that those of the locks lie in, by the system's rules.
type roots struct {
	home  func(uid int) string // the user's home by the list of users, or ""
	login string               // where a login's own folder lies, by the user's id
	temp  string               // where every user may make a folder
}

// systemRoots are changed by tests alone.
var systemRoots = roots{home: homeOf, login: "/run/user", temp: "/tmp"}

// lockDirs returns the folders in which a process locks, in the order in which it
// does. All that it can use are used: whichever of them appears, goes away, or is
// taken by another user between two processes, both lock in one of the others.
// No variable of the environment has a say: HOME, TMPDIR and XDG_RUNTIME_DIR may be
// others in another process of the same user.
func lockDirs() []string {
	uid := os.Geteuid()
	var dirs []string
	if home := systemRoots.home(uid); isOwn(home, uid) {
		dirs = append(dirs, filepath.Join(home, dataFolder(), "forcecred", "keyring-locks"))
	}
	if login := filepath.Join(systemRoots.login, strconv.Itoa(uid)); isOwn(login, uid) {
		dirs = append(dirs, filepath.Join(login, "forcecred"))
	}
	return append(dirs, filepath.Join(systemRoots.temp, "forcecred-"+strconv.Itoa(uid)))
}

// isOwn reports whether the user has a folder at path: the home of a user of the
// system's may be another one's, or none.
func isOwn(path string, uid int) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir() && privatefile.OwnedBy(info, uid)
}

func homeOf(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return ""
	}
	return u.HomeDir
}

// dataFolder is where programs keep their data in a home.
func dataFolder() string {
	if runtime.GOOS == "darwin" {
		return "Library/Application Support"
	}
	return ".local/share"
}
