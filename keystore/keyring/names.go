package keyring

import (
	"strings"

	"forcecred/internal/privatefile"
	"forcecred/keystore"
)

// partMark stands between the name of an item and that of one of its parts. No
// org's name has it.
const partMark = "#"

// itemName returns the name of the item under key: forcecred:KIND/NAME, where
// upper-case letters are marked as in the names of files. Credential Manager
// folds case, and so do the file systems that pass writes to on a Mac.
func (s *Store) itemName(key keystore.Key) (string, error) {
	if err := key.Check(); err != nil {
		return "", err
	}
	return s.prefix + string(key.Kind) + "/" + privatefile.FileName(key.Org), nil
}

// parseItemName is the inverse of itemName. It reports false for the name of a
// part, and for that of another program's item.
func (s *Store) parseItemName(name string) (keystore.Key, bool) {
	rest, ok := strings.CutPrefix(name, s.prefix)
	if !ok {
		return keystore.Key{}, false
	}
	return privatefile.ParseKey(rest, "/")
}
