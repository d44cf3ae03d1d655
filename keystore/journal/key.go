package journal

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"path/filepath"

	"forcecred/keystore"
)

// Key is what the keystore has of an org's journal entry. So every process that can reach
// the keystore finds the entry, whichever home it has.
type Key struct {
	Secret [32]byte
	Folder string // of the entry; "" if an older forcecred stored the key
}

// storedKey is the item that has a Key. An older forcecred stored the secret's bytes alone.
type storedKey struct {
	Version int    `json:"version"`
	Secret  []byte `json:"secret"`
	Folder  string `json:"folder"`
}

const keyVersion = 1

var errNoKey = errors.New("the item has no key of a journal entry")

// NewKey returns the keystore's item for a new entry.
func (j *Journal) NewKey(keystore.Org) ([]byte, error) {
	folder, err := filepath.Abs(j.Dir)
	if err != nil {
		return nil, err
	}
	secret := make([]byte, len(Key{}.Secret))
	rand.Read(secret)
	return json.Marshal(storedKey{keyVersion, secret, folder})
}

// KeepsKey reports whether the next entry uses the key in item again. A key whose entry is in
// another folder is replaced.
func (j *Journal) KeepsKey(_ keystore.Org, item []byte) bool {
	if !j.KeepKey {
		return false
	}
	key, err := parseKey(item)
	folder, absErr := filepath.Abs(j.Dir)
	return err == nil && absErr == nil && key.Folder == folder
}

// parseKey returns the key in a keystore's item. Its error has nothing of the item.
func parseKey(item []byte) (Key, error) {
	var k Key
	if len(item) == len(k.Secret) {
		copy(k.Secret[:], item)
		return k, nil
	}
	var stored storedKey
	switch err := json.Unmarshal(item, &stored); {
	case err == nil && stored.Version > keyVersion:
		return k, newerError("the key of the journal entry")
	case err != nil || stored.Version != keyVersion || len(stored.Secret) != len(k.Secret) || !filepath.IsAbs(stored.Folder):
		return k, errNoKey
	}
	copy(k.Secret[:], stored.Secret)
	k.Folder = stored.Folder
	return k, nil
}
