package keyring

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// lockDirs returns a folder in the user's profile. It asks Windows, because the variable
// LocalAppData may differ in another process of the user.
func lockDirs() []string {
	local, err := windows.KnownFolderPath(windows.FOLDERID_LocalAppData, 0)
	if err != nil {
		return nil
	}
	return []string{filepath.Join(local, "forcecred", "locks")}
}
