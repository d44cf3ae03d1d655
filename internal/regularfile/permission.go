package regularfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// PermissionError is an fs.ErrPermission of the file system, with the file or
// folder that denies the access.
type PermissionError struct {
	Path  string // the file or folder that denies the access
	Owner Owner
	mode  fs.FileMode
	err   error // of the operation
	path  string
}

// Owner is the user that a file belongs to.
type Owner struct {
	Name   string // "root", "this user (uid 1000)" or "uid 1000"
	IsSelf bool
	IsRoot bool
}

func (e *PermissionError) Error() string {
	subject := e.Path
	if e.Path == e.path { // the operation's own error names it
		subject = "it"
	}
	return fmt.Sprintf("%v; %s belongs to %s, mode %04o", e.err, subject, e.Owner.Name, e.mode)
}

// Unwrap returns the error of the operation.
func (e *PermissionError) Unwrap() error { return e.err }

// WrapPermission returns err as a [*PermissionError] if it is an fs.ErrPermission of
// a path on a system whose files have owners. It returns any other error unchanged.
func WrapPermission(err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if _, isWrapped := errors.AsType[*PermissionError](err); isWrapped {
		return err
	}
	path, changesFolder := "", false
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		path, changesFolder = e.Path, e.Op == "mkdir" || e.Op == "remove" || e.Op == "unlinkat"
	} else if e, ok := errors.AsType[*os.LinkError](err); ok {
		path, changesFolder = e.New, true
	}
	if path == "" {
		return err
	}
	denying, info := findDenying(path, changesFolder)
	if info == nil {
		return err
	}
	owner, known := ownerOf(info)
	if !known {
		return err
	}
	return &PermissionError{denying, owner, info.Mode().Perm(), err, path}
}

// findDenying returns the file or folder that denied an operation on path: the file
// itself, or the nearest folder above it that stat reaches. It returns nil if there is
// none.
func findDenying(path string, changesFolder bool) (string, fs.FileInfo) {
	if changesFolder {
		path = filepath.Dir(path)
	}
	for {
		if info, err := os.Stat(path); err == nil {
			return path, info
		}
		parent := filepath.Dir(path)
		if parent == path {
			return "", nil
		}
		path = parent
	}
}

// DescribeOwner returns a file's owner and mode, as in "root, mode 0600". It returns ""
// on a system that has neither.
func DescribeOwner(info fs.FileInfo) string {
	owner, known := ownerOf(info)
	if !known {
		return ""
	}
	return fmt.Sprintf("%s, mode %04o", owner.Name, info.Mode().Perm())
}
