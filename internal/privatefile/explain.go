package privatefile

import (
	"errors"
	"path/filepath"
	"syscall"

	"forcecred/internal/regularfile"
	"forcecred/keystore"
	"forcecred/protocol/remedy"
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
	todo := Remedy(err)
	if todo.IsZero() {
		return err
	}
	return &keystore.Error{Reason: keystore.ErrUnavailable, Err: err, Remedy: todo}
}

// Remedy returns what to do about a refusal that [regularfile.WrapPermission] has
// explained, of one of forcecred's own files or folders, or about a file system
// that can't be written. It returns the zero Remedy for any other error.
func Remedy(err error) remedy.Remedy {
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
	return useOwner(denied.Path)
}

// useOwnFolder does not send anybody to root, who would make more of such files.
func useOwnFolder(path string) remedy.Remedy {
	if filepath.Dir(path) == path {
		return remedy.To("set_home_own")
	}
	return remedy.Remedy{Code: "set_home_own_or_chown", Path: path}
}

func useOwner(path string) remedy.Remedy {
	return remedy.Remedy{Code: "run_as_owner", Path: path}
}
