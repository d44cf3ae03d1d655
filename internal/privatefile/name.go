package privatefile

import (
	"crypto/sha256"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"forcecred/keystore"
)

// FileName returns a name in lower case for org, another one for each org:
// where a file system folds case, Prod and prod would be one file. A name with
// upper-case letters is followed by ~ and a hexadecimal number, in which bit i
// says that letter i, counted from 0, is upper case: Prod is prod~1. One that
// Windows takes for a device, whatever follows its first dot, comes after a ~.
//
// A name that [keystore.ParseOrg] refuses, which another program's org may have, is
// told by its digest after a =: it can't leave a folder, and no length is too long.
func FileName(org keystore.Org) string {
	if _, err := keystore.ParseOrg(string(org)); err != nil {
		return fmt.Sprintf("=%x", sha256.Sum256([]byte(org)))
	}
	var upper big.Int
	for i := range len(org) {
		if 'A' <= org[i] && org[i] <= 'Z' {
			upper.SetBit(&upper, i, 1)
		}
	}
	name := strings.ToLower(string(org))
	if isDevice(name) {
		name = "~" + name
	}
	if upper.Sign() == 0 {
		return name
	}
	return name + "~" + upper.Text(16)
}

// isDevice reports whether a name in lower case is reserved on Windows, with
// whatever ending: con.lock is the console.
// https://learn.microsoft.com/windows/win32/fileio/naming-a-file
func isDevice(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	if len(stem) == 4 && '0' <= stem[3] && stem[3] <= '9' {
		return stem[:3] == "com" || stem[:3] == "lpt"
	}
	return slices.Contains([]string{"con", "prn", "aux", "nul"}, stem)
}

// ParseFileName is the inverse of FileName for the names of forcecred's own, and
// false for any other.
func ParseFileName(encoded string) (keystore.Org, bool) {
	lower, digits, marked := strings.Cut(strings.TrimPrefix(encoded, "~"), "~")
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
	if err != nil || FileName(org) != encoded { // a sign, a leading zero, a bit that marks no letter
		return "", false
	}
	return org, true
}

// ParseKey returns the key whose kind and org's file name stand on the two sides
// of separator, and false for any other name.
func ParseKey(name, separator string) (keystore.Key, bool) {
	kind, encoded, ok := strings.Cut(name, separator)
	if !ok || keystore.Kind(kind).Check() != nil {
		return keystore.Key{}, false
	}
	org, ok := ParseFileName(encoded)
	if !ok {
		return keystore.Key{}, false
	}
	return keystore.Key{Kind: keystore.Kind(kind), Org: org}, true
}
