//go:build unix

package cli

import (
	"os"
	"path/filepath"
)

const exeSuffix = ""

// linkTarget is the name alone where this program lies in the same folder: such
// a link is good for the program's next version as well.
func linkTarget(exe, dir string) string {
	if isSameFile(filepath.Join(dir, "forcecred"), exe) {
		return "forcecred"
	}
	return exe
}

func makeLink(target, path string) error { return os.Symlink(target, path) }

// isForcecred reports whether path is a link to a forcecred, be that there or gone.
func isForcecred(path, exe string) bool {
	target, err := os.Readlink(path)
	return err == nil && (filepath.Base(target) == "forcecred" || filepath.Base(target) == filepath.Base(exe))
}
