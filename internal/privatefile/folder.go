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

// EnsureFolder makes one of the store's own folders when it is missing, and
// otherwise sees to it that it is a folder of this user that is closed to
// others. The folders above it are the user's choice: they may be links, shared,
// or /tmp, which must not lose its mode.
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
		return explain(err)
	case !info.IsDir(): // which a symbolic link is not
		return notAFolder(path)
	case !OwnedBy(info, os.Geteuid()):
		return BelongsToAnother(path, info)
	case OthersBits(info) != 0 || lacksBits(info, 0o700):
		return explain(os.Chmod(path, 0o700))
	}
	return nil
}

// MakeFolder makes a folder with those above it, whatever the umask. When it
// returns nil, they outlive a loss of power.
func MakeFolder(path string) error { return explain(makeFolder(path)) }

func makeFolder(path string) error {
	err := mkdir(path)
	if parent := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) && parent != path {
		if err := makeFolder(parent); err != nil {
			return err
		}
		err = mkdir(path)
	}
	if errors.Is(err, fs.ErrExist) { // another process was faster, unless it is no folder
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			return notAFolder(path)
		}
		return nil
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// mkdir makes a folder that its owner can use under any umask: one of mode 0600
// would fail each later call.
func mkdir(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	if info, err := os.Lstat(path); err != nil || !lacksBits(info, 0o700) {
		return err
	}
	return os.Chmod(path, 0o700)
}

// anyRepaired gives this user's own files and folders the permissions that their
// owner lacks, as a umask can have taken them. It reports whether one was changed.
func anyRepaired(paths ...string) bool {
	changed := false
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil || !OwnedBy(info, os.Geteuid()) {
			continue
		}
		var want fs.FileMode
		switch {
		case info.IsDir():
			want = 0o700
		case info.Mode().IsRegular():
			want = 0o600
		}
		if lacksBits(info, want) && os.Chmod(path, info.Mode().Perm()|want) == nil {
			changed = true
		}
	}
	return changed
}

// RepairFolder lets this user into the data folder again, if it is the user's own
// and lost that permission. Its other permissions are the user's choice.
func RepairFolder(path string, info fs.FileInfo) {
	if lacksBits(info, 0o100) && OwnedBy(info, os.Geteuid()) {
		// Best effort: what is missing is reported by whoever needs it.
		_ = os.Chmod(path, info.Mode().Perm()|0o700)
	}
}

func notAFolder(path string) error {
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    fmt.Errorf("%s is not a folder", path),
		Remedy: remedy.Remedy{Code: "move_folder_away", Path: path},
	}
}

// BelongsToAnother says whom a file or folder belongs to that should be this user's.
func BelongsToAnother(path string, info fs.FileInfo) error {
	todo := useOwner(path)
	if OwnedBy(info, 0) {
		todo = useOwnFolder(path)
	}
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    fmt.Errorf("%s belongs to another user: %s", path, regularfile.DescribeOwner(info)),
		Remedy: todo,
	}
}
