package keystore

import (
	"errors"
	"fmt"
	"strings"
)

// Org is the name of an org in a keystore: 1 to 128 of the letters A to Z and a to z,
// digits, and . _ - @ +. It begins with a letter or a digit, so it can't leave a folder
// and is no command-line flag. Names that differ in case are different.
type Org string

const maxOrgLength = 128

// ParseOrg returns name as an Org. Use it for every name that a caller gives. Its error
// does not quote the name.
func ParseOrg(name string) (Org, error) {
	switch {
	case name == "":
		return "", errors.New("the org's name is empty")
	case len(name) > maxOrgLength:
		return "", fmt.Errorf("the org's name is longer than %d characters", maxOrgLength)
	case strings.IndexByte("._-@+", name[0]) >= 0:
		return "", errors.New("the org's name does not begin with a letter or a digit")
	}
	for _, c := range []byte(name) {
		if !isOrgByte(c) {
			return "", errors.New("the org's name has a character other than letters, digits, and . _ - @ +")
		}
	}
	return Org(name), nil
}

func isOrgByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("._-@+", c) >= 0
}

// Kind says which of an org's items a key names.
type Kind string

const (
	KindGrant Kind = "org"   // a [Grant]; changes when it is stored and when Salesforce rotates it
	KindToken Kind = "token" // a [Token]; changes with each refresh

	// KindDataCloud is a [Token] for Data Cloud, in exchange for the org's own token.
	KindDataCloud Kind = "datacloud"

	// KindJournal is the key of the org's journal entry. It is stored while a refresh token
	// is being spent, and after that if the next one could not be stored.
	KindJournal Kind = "journal"

	// KindProbe is an item that doctor writes, reads and deletes, to check a store.
	KindProbe Kind = "probe"
)

// IsCache reports whether the items of that kind are access tokens, which can be got again.
func (k Kind) IsCache() bool { return k == KindToken || k == KindDataCloud }

// maxKind limits the names that stores make of keys: file systems allow 255 bytes.
const maxKind = 16

// Check returns an error for a kind that is not a short word of lower-case letters.
func (k Kind) Check() error {
	if k == "" || len(k) > maxKind || strings.Trim(string(k), "abcdefghijklmnopqrstuvwxyz") != "" {
		return errors.New("the kind of the item is not a lower-case word")
	}
	return nil
}

// Key names one item in a store.
type Key struct {
	Kind Kind
	Org  Org
}

// String returns the key for people: org/prod.
func (k Key) String() string { return string(k.Kind) + "/" + string(k.Org) }

// Check returns an error for a key that could leave a store's folder. Stores check every
// key, although their callers have done so.
func (k Key) Check() error {
	if err := k.Kind.Check(); err != nil {
		return err
	}
	_, err := ParseOrg(string(k.Org))
	return err
}

// Label names the key in an error. It does not quote an invalid key, which may have a
// secret in it.
func (k Key) Label() string {
	if k.Check() != nil {
		return "an item"
	}
	return k.String()
}
