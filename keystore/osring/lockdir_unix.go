//go:build unix

package osring

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"forcecred/keystore/localfile"
)

// runUser is the folder where a login's own folder lies, by the user's id.
var runUser = "/run/user"

// defaultLockDir returns a folder in the one that the login made for the user,
// or in /tmp. No variable of the environment has a say: HOME, TMPDIR and
// XDG_RUNTIME_DIR may be others in another process of the same user.
func defaultLockDir() (string, error) {
	uid := os.Geteuid()
	login := filepath.Join(runUser, strconv.Itoa(uid))
	if info, err := os.Lstat(login); err == nil && info.IsDir() && localfile.OwnedBy(info, uid) {
		return filepath.Join(login, "forcecred"), nil
	}
	return fmt.Sprintf("/tmp/forcecred-%d", uid), nil
}
