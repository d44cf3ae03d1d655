package localfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"forcecred/keystore"
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
		return err
	case !info.IsDir(): // which a symbolic link is not
		return &keystore.Error{
			Reason: keystore.ErrUnavailable,
			Err:    fmt.Errorf("%s is not a folder", path),
			Hint:   "move " + path + " away; forcecred makes a folder there itself",
		}
	case !OwnedBy(info, os.Geteuid()):
		return belongsToAnother(path)
	case OthersBits(info) != 0:
		return os.Chmod(path, 0o700)
	}
	return nil
}

// MakeFolder makes a folder with those above it. When it returns nil, they
// outlive a loss of power.
func MakeFolder(path string) error {
	err := os.Mkdir(path, 0o700)
	if parent := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) && parent != path {
		if err := MakeFolder(parent); err != nil {
			return err
		}
		err = os.Mkdir(path, 0o700)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was faster
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func belongsToAnother(path string) error {
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    fmt.Errorf("%s belongs to another user", path),
		Hint:   "run forcecred as the user that " + path + " belongs to, or let FORCECRED_HOME name a folder of your own",
	}
}
