package regular

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Explain adds to a refusal of the file system which file or folder refused, whom
// it belongs to and which mode it has. It returns any other error as it is.
func Explain(err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if _, isExplained := errors.AsType[*explained](err); isExplained {
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
	culprit, info := refuser(path, changesFolder)
	if info == nil {
		return err
	}
	whose, known := ownerOf(info)
	if !known {
		return err
	}
	return &explained{err, Refusal{culprit, whose, info.Mode().Perm()}, culprit == path}
}

// refuser returns what refused an operation on path: the file itself, or the
// nearest folder above it that can be seen. It returns nil if there is none.
func refuser(path string, changesFolder bool) (string, fs.FileInfo) {
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

// Refusal is what refused an operation.
type Refusal struct {
	Path  string
	Owner Owner
	mode  fs.FileMode
}

// explained is a refusal that [Explain] has looked into.
type explained struct {
	err     error
	refusal Refusal
	isSelf  bool // what refused is the file that err names
}

func (e *explained) Error() string {
	what := e.refusal.Path
	if e.isSelf {
		what = "it"
	}
	return fmt.Sprintf("%v; %s belongs to %s, mode %04o", e.err, what, e.refusal.Owner.Name, e.refusal.mode)
}

func (e *explained) Unwrap() error { return e.err }

// AsRefusal returns the refusal in an error that Explain has explained.
func AsRefusal(err error) (Refusal, bool) {
	e, ok := errors.AsType[*explained](err)
	if !ok {
		return Refusal{}, false
	}
	return e.refusal, true
}

// Owner is whom a file belongs to.
type Owner struct {
	Name   string // "root", "this user (uid 1000)" or "uid 1000"
	IsSelf bool
	IsRoot bool
}

// Describe returns whom a file belongs to, with its mode, as in "root, mode 0600",
// or "" on a system without either.
func Describe(info fs.FileInfo) string {
	whose, known := ownerOf(info)
	if !known {
		return ""
	}
	return fmt.Sprintf("%s, mode %04o", whose.Name, info.Mode().Perm())
}
