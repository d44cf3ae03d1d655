package privatefile

import (
	"crypto/sha256"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"forcecred/keystore"
)

// FileName returns a unique lower-case name for org, because some file systems fold case:
// there Prod and prod would be one file. If org has upper-case letters, a ~ and a
// hexadecimal number follow the name. Its bit i says that letter i, counted from 0, is
// upper case: Prod is prod~1. A ~ precedes a name that Windows takes for a device.
//
// Another program's org may have a name that [keystore.ParseOrg] refuses. Its FileName is a
// = and a digest, so it can't leave a folder, and is never too long.
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
	if isDeviceName(name) {
		name = "~" + name
	}
	if upper.Sign() == 0 {
		return name
	}
	return name + "~" + upper.Text(16)
}

// isDeviceName reports whether Windows reserves a lower-case name. The name's suffix does
// not matter: con.lock is the console.
// https://learn.microsoft.com/windows/win32/fileio/naming-a-file
func isDeviceName(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	if len(stem) == 4 && '0' <= stem[3] && stem[3] <= '9' {
		return stem[:3] == "com" || stem[:3] == "lpt"
	}
	return slices.Contains([]string{"con", "prn", "aux", "nul"}, stem)
}

// ParseFileName is the inverse of FileName for names that ParseOrg accepts. It reports
// false for any other.
func ParseFileName(encoded string) (keystore.Org, bool) {
	lower, digits, hasUpper := strings.Cut(strings.TrimPrefix(encoded, "~"), "~")
	name := []byte(lower)
	if hasUpper {
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
	if err != nil || FileName(org) != encoded { // a sign, a leading zero, a bit for something other than a letter
		return "", false
	}
	return org, true
}

// ParseKey returns the key of a name that consists of a kind, separator, and an org's
// FileName. It reports false for any other name.
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
