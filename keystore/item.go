package keystore

import (
	"errors"
	"fmt"
	"forcecred/protocol/remedy"
)

const storeAgain remedy.Code = "store_again"

// errNotOurs says that an item did not decode. The decoder's own error is not
// kept, since it may quote what it read.
func errNotOurs(key Key) error {
	return corrupt(key, "the item is not what forcecred writes", storeAgain)
}

// checkItem refuses an item of an unknown version, and one that was copied
// under another org's name: its secrets would go to that org's host.
func checkItem(key Key, version, known int, org Org) error {
	switch {
	case version < 1:
		return corrupt(key, "the item has no version", storeAgain)
	case version > known:
		return corrupt(key, fmt.Sprintf("the item has version %d, this forcecred knows %d", version, known), "update_forcecred")
	case org != key.Org:
		return corrupt(key, "the item belongs to another org", storeAgain)
	}
	return nil
}

func corrupt(key Key, text string, todo remedy.Code) error {
	return &Error{Op: "read " + key.String(), Reason: ErrCorrupt, Err: errors.New(text), Remedy: remedy.To(todo)}
}
