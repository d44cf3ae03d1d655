package privatefile

import (
	"errors"
	"path/filepath"
	"syscall"

	"forcecred/internal/regularfile"
	"forcecred/keystore"
)

// explain says of a refusal by the file system which of forcecred's own files or
// folders refused, and what to do. It returns any other error as it is.
func explain(err error) error {
	if err == nil {
		return nil
	}
	if _, isExplained := errors.AsType[*keystore.Error](err); isExplained {
		return err
	}
	err = regularfile.WrapPermission(err)
	hint := HintRefused(err)
	if hint == "" {
		return err
	}
	return &keystore.Error{Reason: keystore.ErrUnavailable, Err: err, Hint: hint}
}

// HintRefused returns what to do about a refusal that [regularfile.WrapPermission] has
// explained, of one of forcecred's own files or folders, or about a file system
// that can't be written. It returns "" for any other error.
func HintRefused(err error) string {
	denied, isDenied := errors.AsType[*regularfile.PermissionError](err)
	switch {
	case errors.Is(err, syscall.EROFS):
		return "let FORCECRED_HOME name a folder on a file system that can be written"
	case !isDenied:
		return ""
	case denied.Owner.IsSelf:
		return "chmod u+rwX " + denied.Path + "; if its mode is right, an access list or a security module (SELinux, AppArmor) refuses"
	case denied.Owner.IsRoot:
		return hintRoots(denied.Path)
	}
	return hintAnothers(denied.Path)
}

// hintRoots does not send anybody to root, who would make more of such files.
func hintRoots(path string) string {
	hint := "let FORCECRED_HOME name a folder of your own"
	if filepath.Dir(path) == path {
		return hint
	}
	return hint + "; or, if " + path + " was this user's before a sudo, chown it back"
}

func hintAnothers(path string) string {
	return "run forcecred as the user that " + path + " belongs to, or let FORCECRED_HOME name a folder of your own"
}
