package agefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"forcecred/internal/privatefile"
	"forcecred/keystore"
	"forcecred/protocol/remedy"

	"filippo.io/age"
)

// MaxItem is the largest encrypted item, in bytes. The largest that forcecred writes has a
// few kilobytes.
const MaxItem = 1 << 20

func readItem(path string) ([]byte, error) {
	file, info, err := privatefile.Open(path, privatefile.NoFollow)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return privatefile.ReadAll(file, info, MaxItem)
}

func encryptItem(item []byte, identity *identity) ([]byte, error) {
	var encrypted bytes.Buffer
	w, err := age.Encrypt(&encrypted, identity.recipient)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(item); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if encrypted.Len() > MaxItem {
		return nil, fmt.Errorf("the encrypted item has more than %d bytes", MaxItem)
	}
	return encrypted.Bytes(), nil
}

// decryptItem drops age's error, which quotes what it could not parse.
func decryptItem(path string, encrypted []byte, identity *identity) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(encrypted), identity.all...)
	if noMatch := (*age.NoIdentityMatchError)(nil); errors.As(err, &noMatch) {
		return nil, &keystore.Error{
			Reason: keystore.ErrCorrupt,
			Err:    fmt.Errorf("%s was encrypted for another identity", path),
			Remedy: remedy.To("restore_identity_or_store"),
		}
	}
	var item []byte
	if err == nil {
		item, err = io.ReadAll(r)
	}
	if err != nil {
		return nil, &keystore.Error{
			Reason: keystore.ErrCorrupt,
			Err:    fmt.Errorf("%s is damaged", path),
			Remedy: remedy.To("restore_item_or_store"),
		}
	}
	return item, nil
}
