package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"forcecred/internal/privatefile"
)

// noticesFolder has an empty file for each notice that was shown once.
const noticesFolder = "notices"

// IsFirstNotice reports whether this user never saw the notice of that name before, and
// records it in the data folder. If the folder can't be written, each time is the first:
// to see a notice twice is better than never.
func (h Helper) IsFirstNotice(notice string) bool {
	folder := filepath.Join(h.paths.DataDir, noticesFolder)
	err := recordNotice(folder, notice)
	if errors.Is(err, fs.ErrNotExist) && privatefile.EnsureFolder(folder) == nil {
		err = recordNotice(folder, notice)
	}
	return !errors.Is(err, fs.ErrExist)
}

func recordNotice(folder, notice string) error {
	// If many processes do this at the same time, one creates the file.
	file, err := os.OpenFile(filepath.Join(folder, notice), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}
