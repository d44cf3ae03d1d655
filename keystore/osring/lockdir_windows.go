package osring

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// defaultLockDir returns a folder in the user's profile, which Windows is asked
// for: the variable LocalAppData may be another one in another process.
func defaultLockDir() (string, error) {
	local, err := windows.KnownFolderPath(windows.FOLDERID_LocalAppData, 0)
	if err != nil {
		return "", err
	}
	return filepath.Join(local, "forcecred", "locks"), nil
}
