package cli

import (
	"debug/buildinfo"
	"errors"
	"io"
	"os"
)

const exeSuffix = ".exe"

func linkTarget(exe, _ string) string { return exe }

// makeLink makes a hard link, which needs no privilege, or a copy where target
// is on another volume or the file system has no links.
func makeLink(target, path string) error {
	if os.Link(target, path) == nil {
		return nil
	}
	from, err := os.Open(target)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err != nil {
		_ = os.Remove(path) // best effort: half a program is of no use
	}
	return err
}

// isForcecred reports whether path is a forcecred of whatever version: a link or
// a copy does not tell what it was made from.
func isForcecred(path, _ string) bool {
	info, err := buildinfo.ReadFile(path)
	return err == nil && info.Path == "forcecred"
}
