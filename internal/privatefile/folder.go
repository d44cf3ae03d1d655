package privatefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"forcecred/internal/regularfile"
	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// EnsureFolder creates one of forcecred's own folders if it is missing. Else it checks that
// the folder is this user's, and closes it to others. It leaves the folders above alone:
// they are the user's choice, and may be links, shared, or /tmp.
func EnsureFolder(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := MakeFolder(path); err != nil {
			return err
		}
		info, err = os.Lstat(path)
	}
	switch {
	case err != nil:
		return wrapError(err)
	case !info.IsDir(): // a symbolic link, for example
		return notFolderError(path)
	case !IsOwnedBy(info, os.Geteuid()):
		return OwnerError(path, info)
	case PermissionsOfOthers(info) != 0 || lacksPermissions(info, 0o700):
		return wrapError(os.Chmod(path, 0o700))
	}
	return nil
}

// MakeFolder creates a folder and its missing parents, whatever the umask is. If it returns
// nil, they survive a power loss.
func MakeFolder(path string) error { return wrapError(makeFolder(path)) }

func makeFolder(path string) error {
	err := mkdir(path)
	if parent := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) && parent != path {
		if err := makeFolder(parent); err != nil {
			return err
		}
		err = mkdir(path)
	}
	if errors.Is(err, fs.ErrExist) { // another process was faster, or it is not a folder
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			return notFolderError(path)
		}
		return nil
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// mkdir creates a folder that its owner can use, whatever the umask is. In a folder of mode
// 0600, every later call would fail.
func mkdir(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	if info, err := os.Lstat(path); err != nil || !lacksPermissions(info, 0o700) {
		return err
	}
	return os.Chmod(path, 0o700)
}

// repairAny gives the owner the missing permissions of this user's own files and folders: a
// umask may have removed them. It reports whether it changed one.
func repairAny(paths ...string) bool {
	changed := false
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil || !IsOwnedBy(info, os.Geteuid()) {
			continue
		}
		var want fs.FileMode
		switch {
		case info.IsDir():
			want = 0o700
		case info.Mode().IsRegular():
			want = 0o600
		}
		if lacksPermissions(info, want) && os.Chmod(path, info.Mode().Perm()|want) == nil {
			changed = true
		}
	}
	return changed
}

// RestoreAccess gives this user access to the data folder, if it is the user's own and
// lacks that permission. Its other permissions are the user's choice.
func RestoreAccess(path string, info fs.FileInfo) {
	if lacksPermissions(info, 0o100) && IsOwnedBy(info, os.Geteuid()) {
		// Best effort: whoever needs the folder reports an error.
		_ = os.Chmod(path, info.Mode().Perm()|0o700)
	}
}

func notFolderError(path string) error {
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    fmt.Errorf("%s is not a folder", path),
		Remedy: remedy.Remedy{Code: "move_folder_away", Path: path},
	}
}

// OwnerError says that a file or folder belongs to another user.
func OwnerError(path string, info fs.FileInfo) error {
	todo := runAsOwner(path)
	if IsOwnedBy(info, 0) {
		todo = useOwnFolder(path)
	}
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    fmt.Errorf("%s belongs to another user: %s", path, regularfile.DescribeOwner(info)),
		Remedy: todo,
	}
}
