package app

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"forcecred/internal/config"
	"forcecred/internal/privatefile"
	"forcecred/internal/regularfile"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// findPaths returns the paths of the files, and checks that this user's files can be
// there. It creates nothing. Its error is a [*protocol.Error].
func (a App) findPaths() (config.Paths, error) {
	paths, err := a.Config.Paths()
	if err != nil {
		return config.Paths{}, protocol.Errorf(protocol.Usage, "%v", err)
	}
	if err := checkPaths(paths); err != nil {
		return config.Paths{}, err
	}
	if folder := filepath.Dir(paths.IdentityFile); folder != paths.DataDir && !paths.IsIdentityFileSet {
		if info, err := os.Stat(folder); err == nil {
			privatefile.RestoreAccess(folder, info)
		}
	}
	for _, p := range []struct {
		path    string
		isNamed bool
	}{{paths.DataDir, paths.IsDataDirSet}, {paths.IdentityFile, paths.IsIdentityFileSet}} {
		if err := a.checkOwner(p.path, p.isNamed); err != nil {
			return config.Paths{}, err
		}
	}
	return paths, nil
}

// checkPaths returns an error if the data folder exists and can't be used, or if it is
// unknown whether it exists: all orgs would seem to be gone.
func checkPaths(paths config.Paths) error {
	info, err := os.Stat(paths.DataDir)
	switch {
	case err == nil && info.IsDir():
		privatefile.RestoreAccess(paths.DataDir, info)
		return nil
	case err == nil:
		return unusable(paths.DataDir+" is not a folder", remedy.To("move_it_or_set_home"))
	}
	if paths.UserHome != "" {
		if err := checkUserHome(paths.UserHome); err != nil {
			return err
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		err = regularfile.WrapPermission(err)
		return unusable(err.Error(), cmp.Or(privatefile.RemedyOf(err), remedy.To("set_home_reachable")))
	}
	if _, err := os.Lstat(paths.DataDir); err == nil {
		return unusable(paths.DataDir+" is a link to a folder that does not exist", remedy.To("mount_or_remove_link"))
	}
	return nil
}

// checkUserHome returns an error if the user's home directory is not a folder. forcecred
// never creates it.
func checkUserHome(folder string) error {
	info, err := os.Stat(folder)
	format := "HOME names %s, which is not a folder"
	switch {
	case err == nil && info.IsDir():
		return nil
	case errors.Is(err, fs.ErrNotExist):
		format = "HOME names %s, which does not exist"
	case err != nil && !errors.Is(err, syscall.ENOTDIR):
		return nil // the error of the data folder says more
	}
	e := protocol.Errorf(protocol.Usage, format, folder)
	e.Remedy = remedy.To("set_home_for_all")
	return e
}

// checkOwner returns an error if this process runs as root and path is in a folder of
// another user, as with a sudo that keeps HOME. A path that is named in the environment
// is accepted, such as a volume in a container, unless it belongs to the user who ran
// sudo.
func (a App) checkOwner(path string, isNamed bool) error {
	if os.Geteuid() != 0 {
		return nil
	}
	folder, info := nearestExisting(path)
	if info == nil || privatefile.IsOwnedBy(info, 0) {
		return nil
	}
	sudoUser, err := strconv.Atoi(a.Config.SudoUser.Value)
	if isNamed && (err != nil || !privatefile.IsOwnedBy(info, sudoUser)) {
		return nil
	}
	return unusable(
		fmt.Sprintf("this process runs as root, and %s belongs to another user: %s; root's files there would lock that user out", folder, regularfile.DescribeOwner(info)),
		remedy.To("run_without_sudo"))
}

// nearestExisting returns the file or folder at path or, if there is none, the nearest
// folder above it.
func nearestExisting(path string) (string, fs.FileInfo) {
	for {
		info, err := os.Stat(path)
		if err == nil {
			return path, info
		}
		parent := filepath.Dir(path)
		if parent == path {
			return "", nil
		}
		path = parent
	}
}

// unusable returns an error for a keystore that can't be used.
func unusable(message string, todo remedy.Remedy) *protocol.Error {
	return &protocol.Error{Code: protocol.KeystoreUnavailable, Message: message, Remedy: todo}
}
