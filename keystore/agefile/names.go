package agefile

import (
	"errors"
	"math/big"
	"strings"

	"forcecred/keystore"
)

const (
	itemSuffix = ".age"
	lockSuffix = ".lock"

	// maxKind keeps file names far below the 255 bytes that file systems allow.
	maxKind = 16
)

// itemName returns the name of the file that holds the item under key:
// KIND.NAME.age.
func itemName(key keystore.Key) (string, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	return string(key.Kind) + "." + encodeOrg(key.Org) + itemSuffix, nil
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
	org, ok := decodeOrg(encoded)
	if !ok {
		return keystore.Key{}, false
	}
	return keystore.Key{Kind: keystore.Kind(kind), Org: org}, true
}

// encodeOrg returns a name in lower case for org, another one for each org:
// where a file system folds case, Prod and prod would be one file. A name with
// upper-case letters is followed by ~ and a hexadecimal number, in which bit i
// says that letter i, counted from 0, is upper case: Prod is prod~1.
func encodeOrg(org keystore.Org) string {
	var upper big.Int
	for i := range len(org) {
		if 'A' <= org[i] && org[i] <= 'Z' {
			upper.SetBit(&upper, i, 1)
		}
	}
	lower := strings.ToLower(string(org))
	if upper.Sign() == 0 {
		return lower
	}
	return lower + "~" + upper.Text(16)
}

func decodeOrg(encoded string) (keystore.Org, bool) {
	lower, digits, marked := strings.Cut(encoded, "~")
	name := []byte(lower)
	if marked {
		upper, ok := new(big.Int).SetString(digits, 16)
		if !ok {
			return "", false
		}
		for i := range name {
			if upper.Bit(i) == 1 && 'a' <= name[i] && name[i] <= 'z' {
				name[i] -= 'a' - 'A'
			}
		}
	}
	org, err := keystore.ParseOrg(string(name))
	if err != nil || encodeOrg(org) != encoded { // a sign, a leading zero, a bit that marks no letter
		return "", false
	}
	return org, true
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
