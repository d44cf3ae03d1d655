package keystore

import (
	"errors"
	"fmt"
	"strings"
)

// Org is the name of an org in a keystore: 1 to 128 of the letters A to Z and a
// to z, digits, and . _ - @ +, beginning with a letter or a digit. Such a name can
// neither leave a folder nor be taken for a command-line flag. Upper and lower
// case are different names.
type Org string

const maxOrgLength = 128

// ParseOrg returns name as an Org. It is the only way to make one from a
// caller's input; its error says what is wrong and does not quote the name.
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

	// KindDataCloud is a [Token] for Data Cloud, which the org's own was exchanged for.
	KindDataCloud Kind = "datacloud"

	// KindJournal is the key that opens what a refresh may have to leave in the
	// journal; it is there while a refresh token is being spent, and after one
	// that could not be saved.
	KindJournal Kind = "journal"

	// KindProbe is what doctor writes, reads and removes again, to see whether a
	// store does.
	KindProbe Kind = "probe"
)

// maxKind keeps names made of keys far below the 255 bytes that file systems allow.
const maxKind = 16

// Check refuses a kind that is not a short word of lower-case letters.
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

// String returns the key as people see it: org/prod.
func (k Key) String() string { return string(k.Kind) + "/" + string(k.Org) }

// Check refuses a key that could leave a store's folder. Stores call it on
// whatever key they are given, although callers have checked theirs.
func (k Key) Check() error {
	if err := k.Kind.Check(); err != nil {
		return err
	}
	_, err := ParseOrg(string(k.Org))
	return err
}

// Label names the key in an error. One that is not valid came from outside and
// is not repeated.
func (k Key) Label() string {
	if k.Check() != nil {
		return "an item"
	}
	return k.String()
}
