package agefile

import (
	"strings"

	"forcecred/internal/privatefile"
	"forcecred/keystore"
)

const itemSuffix = ".age"

// itemName returns the file name of the item under key: KIND.NAME.age.
func itemName(key keystore.Key) (string, error) {
	if err := key.Check(); err != nil {
		return "", err
	}
	return string(key.Kind) + "." + privatefile.FileName(key.Org) + itemSuffix, nil
}

// parseItemName is the inverse of itemName. It reports false for any other file name.
func parseItemName(name string) (keystore.Key, bool) {
	encoded, ok := strings.CutSuffix(name, itemSuffix)
	if !ok {
		return keystore.Key{}, false
	}
	return privatefile.ParseKey(encoded, ".")
}
