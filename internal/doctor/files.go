package doctor

import (
	"cmp"
	"errors"
	"io/fs"
	"os"

	"forcecred/internal/privatefile"
	"forcecred/internal/regularfile"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// CheckFolder checks that path is a folder of this user's and closed to others. It
// returns false if path does not exist, because forcecred makes the folder when needed.
func CheckFolder(path string) (protocol.Finding, bool) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return protocol.Finding{}, false
	case err != nil:
		return unreachable(path, err), true
	case !info.IsDir():
		return fail(Files, remedy.Remedy{Code: "move_folder_away", Path: path}, "%s is not a folder", path), true
	case !privatefile.IsOwnedBy(info, os.Geteuid()):
		return FailedCheck(Files, privatefile.OwnerError(path, info), remedy.Remedy{}), true
	case privatefile.PermissionsOfOthers(info) != 0:
		return warn(Files, remedy.Remedy{Code: "close_folder", Path: path}, "%s has mode %04o: others can see the names of the orgs", path, info.Mode().Perm()), true
	}
	return ok(Files, "%s is closed to others", path), true
}

// CheckDataFolder checks the folder of all files. Its place and mode are the user's
// choice, but nobody else may write there.
func CheckDataFolder(path string) (protocol.Finding, bool) {
	info, err := os.Stat(path)
	const groupAndOthersWrite = 0o022
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ok(Files, "%s does not exist: nothing is stored yet", path), false
	case err != nil:
		return unreachable(path, err), false
	case !info.IsDir():
		return fail(Files, remedy.Remedy{Code: "move_away_or_set_home", Path: path}, "%s is not a folder", path), false
	case privatefile.PermissionsOfOthers(info)&groupAndOthersWrite != 0:
		return warn(Files, remedy.Remedy{Code: "close_to_writers", Path: path}, "%s has mode %04o: others can replace what is in it", path, info.Mode().Perm()), true
	}
	return ok(Files, "data are in %s", path), true
}

// CheckIdentity checks the age identity, as the keystore does before it uses it.
func CheckIdentity(path string) (protocol.Finding, bool) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return protocol.Finding{}, false
	case err != nil:
		return unreachable(path, err), true
	case !info.Mode().IsRegular():
		return fail(Files, remedy.Remedy{Code: "move_away_and_restore", Path: path}, "the age identity %s is not a regular file", path), true
	case !privatefile.IsOwnedBy(info, os.Geteuid(), 0):
		return fail(Files, remedy.To("set_own_identity"), "the age identity %s belongs to another user: %s", path, regularfile.DescribeOwner(info)), true
	case privatefile.PermissionsOfOthers(info) != 0:
		return fail(Files, remedy.Remedy{Code: "close_identity", Path: path},
			"the age identity %s has mode %04o, so that others may have read it", path, info.Mode().Perm()), true
	}
	return ok(Files, "the age identity %s is closed to others", path), true
}

// unreachable returns the finding of a path that the file system refuses.
func unreachable(path string, err error) protocol.Finding {
	err = regularfile.WrapPermission(err)
	return fail(Files, cmp.Or(privatefile.RemedyOf(err), remedy.Remedy{Code: "see_reachable", Path: path}), "%v", err)
}
