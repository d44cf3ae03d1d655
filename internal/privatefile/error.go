package privatefile

import (
	"errors"
	"path/filepath"
	"syscall"

	"forcecred/internal/regularfile"
	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// wrapError adds to an error of one of forcecred's own files or folders which of them
// denied access, and what to do. It returns any other error unchanged.
func wrapError(err error) error {
	if err == nil {
		return nil
	}
	if _, isWrapped := errors.AsType[*keystore.Error](err); isWrapped {
		return err
	}
	err = regularfile.WrapPermission(err)
	todo := RemedyOf(err)
	if todo.IsZero() {
		return err
	}
	return &keystore.Error{Reason: keystore.ErrUnavailable, Err: err, Remedy: todo}
}

// RemedyOf returns what to do about a [regularfile.PermissionError] of one of forcecred's
// own files or folders, or about a read-only file system. It returns the zero Remedy for
// any other error.
func RemedyOf(err error) remedy.Remedy {
	denied, isDenied := errors.AsType[*regularfile.PermissionError](err)
	switch {
	case errors.Is(err, syscall.EROFS):
		return remedy.To("set_home_writable")
	case !isDenied:
		return remedy.Remedy{}
	case denied.Owner.IsSelf:
		return remedy.Remedy{Code: "allow_self", Path: denied.Path}
	case denied.Owner.IsRoot:
		return useOwnFolder(denied.Path)
	}
	return runAsOwner(denied.Path)
}

// useOwnFolder does not advise to become root, because root would create more such files.
func useOwnFolder(path string) remedy.Remedy {
	if filepath.Dir(path) == path {
		return remedy.To("set_home_own")
	}
	return remedy.Remedy{Code: "set_home_own_or_chown", Path: path}
}

func runAsOwner(path string) remedy.Remedy {
	return remedy.Remedy{Code: "run_as_owner", Path: path}
}
