package journal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"

	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// A file of the journal is one of these:
//   - zeros, which is reserved room;
//   - magic, the length of the ciphertext as 4 bytes, the ciphertext, and anything: the rest
//     of the reserved room stays, so that one write makes a whole entry;
//   - oldMagic and the ciphertext.
var (
	magicOfAll = []byte("forcecred-journal-")
	magic      = []byte("forcecred-journal-2\n")
	oldMagic   = []byte("forcecred-journal-1\n")
)

const lengthSize = 4

// encrypt returns the content of a file.
func encrypt(org keystore.Org, key Key, entry []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	encrypted := aead.Seal(nil, nil, entry, additionalData(magic, org))
	if len(magic)+lengthSize+len(encrypted) > reservedSize {
		return nil, fmt.Errorf("the entry has %d bytes, and no more than %d were reserved", len(encrypted), reservedSize)
	}
	data := binary.BigEndian.AppendUint32(bytes.Clone(magic), uint32(len(encrypted)))
	return append(data, encrypted...), nil
}

// decrypt returns the entry in the content of a file.
func decrypt(org keystore.Org, key Key, data []byte) ([]byte, error) {
	used := magic
	encrypted, ok := bytes.CutPrefix(data, magic)
	if ok {
		if len(encrypted) < lengthSize {
			return nil, corruptError(org, "it is cut off")
		}
		length := binary.BigEndian.Uint32(encrypted)
		if encrypted = encrypted[lengthSize:]; int64(length) > int64(len(encrypted)) {
			return nil, corruptError(org, "it is cut off")
		}
		encrypted = encrypted[:length]
	} else if encrypted, ok = bytes.CutPrefix(data, oldMagic); ok {
		used = oldMagic
	} else if bytes.HasPrefix(data, magicOfAll) {
		return nil, newerError("the journal entry")
	} else {
		return nil, corruptError(org, "it is not a journal entry")
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	entry, err := aead.Open(nil, nil, encrypted, additionalData(used, org))
	if err != nil {
		return nil, corruptError(org, "it is damaged, of another org, or encrypted with another key")
	}
	return entry, nil
}

func corruptError(org keystore.Org, text string) error {
	return &keystore.Error{Op: "read the journal entry of " + string(org), Reason: keystore.ErrCorrupt, Err: errors.New(text)}
}

// errNewer is the cause of an error for what a newer forcecred has written.
var errNewer = errors.New("a newer forcecred has written it")

func newerError(what string) error {
	return &keystore.Error{Reason: keystore.ErrUnavailable, Err: fmt.Errorf("%s can't be read: %w", what, errNewer), Remedy: remedy.To("update_forcecred")}
}

// newAEAD returns AES-256-GCM with a random nonce: a key may encrypt many entries.
func newAEAD(key Key) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key.Secret[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// additionalData binds an entry to its format and its org.
func additionalData(magic []byte, org keystore.Org) []byte {
	return append(bytes.Clone(magic), org...)
}
