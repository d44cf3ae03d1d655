package keystore

import (
	"errors"
	"fmt"

	"forcecred/protocol/remedy"
)

const storeAgainCode remedy.Code = "store_again"

// decodingError says that an item did not decode. It drops the decoder's own error, which
// may quote a secret.
func decodingError(key Key) error {
	return corruptError(key, "the item is not what forcecred writes", storeAgainCode)
}

// checkItem returns an error for an item of an unknown version, and for one that was copied
// under another org's name: its secrets would go to that org's host.
func checkItem(key Key, version, known int, org Org) error {
	switch {
	case version < 1:
		return corruptError(key, "the item has no version", storeAgainCode)
	case version > known:
		return corruptError(key, fmt.Sprintf("the item has version %d, this forcecred knows %d", version, known), "update_forcecred")
	case org != key.Org:
		return corruptError(key, "the item belongs to another org", storeAgainCode)
	}
	return nil
}

func corruptError(key Key, text string, todo remedy.Code) error {
	return &Error{Op: "read " + key.String(), Reason: ErrCorrupt, Err: errors.New(text), Remedy: remedy.To(todo)}
}
