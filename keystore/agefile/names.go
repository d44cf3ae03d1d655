package agefile

import (
	"errors"
	"strings"

	"forcecred/keystore"
	"forcecred/keystore/localfile"
)

const (
	itemSuffix = ".age"

	// maxKind keeps file names far below the 255 bytes that file systems allow.
	maxKind = 16
)

// itemName returns the name of the file that holds the item under key:
// KIND.NAME.age.
func itemName(key keystore.Key) (string, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	return string(key.Kind) + "." + localfile.FileName(key.Org) + itemSuffix, nil
}

// parseItemName is the inverse of itemName. It reports false for the name of
// any other file.
func parseItemName(name string) (keystore.Key, bool) {
	encoded, ok := strings.CutSuffix(name, itemSuffix)
	if !ok {
		return keystore.Key{}, false
	}
	kind, encoded, ok := strings.Cut(encoded, ".")
	if !ok || checkKind(keystore.Kind(kind)) != nil {
		return keystore.Key{}, false
	}
	org, ok := localfile.ParseFileName(encoded)
	if !ok {
		return keystore.Key{}, false
	}
	return keystore.Key{Kind: keystore.Kind(kind), Org: org}, true
}

// checkKey keeps whatever could leave the folder away from the file system,
// although callers have checked it as well.
func checkKey(key keystore.Key) error {
	if err := checkKind(key.Kind); err != nil {
		return err
	}
	_, err := keystore.ParseOrg(string(key.Org))
	return err
}

func checkKind(kind keystore.Kind) error {
	if kind == "" || len(kind) > maxKind || strings.Trim(string(kind), "abcdefghijklmnopqrstuvwxyz") != "" {
		return errors.New("the kind of the item is not a lower-case word")
	}
	return nil
}
