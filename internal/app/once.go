package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"forcecred/internal/privatefile"
)

// noticesFolder has an empty file for each notice that was given once.
const noticesFolder = "notices"

// IsFirst reports whether a notice of that name, a file's, was never given to this
// user before, and remembers it in the data folder. Where nothing can be written,
// each time is the first: a notice too many is better than none.
func (h Helper) IsFirst(notice string) bool {
	folder := filepath.Join(h.paths.DataDir, noticesFolder)
	err := remember(folder, notice)
	if errors.Is(err, fs.ErrNotExist) && privatefile.EnsureFolder(folder) == nil {
		err = remember(folder, notice)
	}
	return !errors.Is(err, fs.ErrExist)
}

func remember(folder, notice string) error {
	// Of many processes at once one makes the file.
	file, err := os.OpenFile(filepath.Join(folder, notice), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}
