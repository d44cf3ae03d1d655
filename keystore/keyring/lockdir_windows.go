package keyring

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// lockDirs returns a folder in the user's profile, which Windows is asked for: the
// variable LocalAppData may be another one in another process.
func lockDirs() []string {
	local, err := windows.KnownFolderPath(windows.FOLDERID_LocalAppData, 0)
	if err != nil {
		return nil
	}
	return []string{filepath.Join(local, "forcecred", "locks")}
}
