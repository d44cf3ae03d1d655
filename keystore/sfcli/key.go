package sfcli

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"sync"

	"forcecred/protocol/secret"
)

// key decrypts and encrypts the secrets in auth files, with AES-256-GCM in one of the
// CLI's two versions. An encrypted secret is the nonce and the ciphertext in hexadecimal,
// a colon, and the tag in hexadecimal.
type key struct {
	aead cipher.AEAD

	// isVersion1 is true for a key of 32 digits, as in the CLI. Version 1 takes the digits of
	// key and nonce themselves for the bytes. Version 2 (64 digits) decodes them.
	isVersion1 bool
}

const (
	nonceSize = 12 // in bytes; in version 1 in digits too
	tagDigits = 32
)

var errNotKey = errors.New("is not a key of the Salesforce CLI's: 32 or 64 hexadecimal digits")

func newKey(text secret.Text) (*key, error) {
	raw, err := hex.DecodeString(text.Reveal())
	if err != nil {
		return nil, errNotKey
	}
	k := &key{}
	switch len(raw) {
	case 16:
		k.isVersion1, raw = true, []byte(text.Reveal())
	case 32:
	default:
		return nil, errNotKey
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, errNotKey
	}
	k.aead, err = cipher.NewGCM(block)
	return k, err
}

var encryptedText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]+:[0-9a-f]{32}$`) })

// isEncrypted reports whether text looks encrypted, by the same rule as the CLI.
func isEncrypted(text string) bool { return encryptedText().MatchString(text) }

var errNotDecrypted = errors.New("the key does not decrypt it")

// decrypt decrypts a text that isEncrypted.
func (k *key) decrypt(text string) (secret.Text, error) {
	body, tag, _ := strings.Cut(text, ":")
	digits := 2 * nonceSize
	if k.isVersion1 {
		digits = nonceSize
	}
	if len(body) < digits {
		return secret.Text{}, errNotDecrypted
	}
	nonce := []byte(body[:digits])
	var err error
	if !k.isVersion1 {
		if nonce, err = hex.DecodeString(body[:digits]); err != nil {
			return secret.Text{}, errNotDecrypted
		}
	}
	ciphertext, err := hex.DecodeString(body[digits:] + tag)
	if err != nil {
		return secret.Text{}, errNotDecrypted
	}
	plain, err := k.aead.Open(nil, nonce, ciphertext, nil)
	if err != nil {
		return secret.Text{}, errNotDecrypted
	}
	return secret.New(string(plain)), nil
}

// encrypt encrypts a secret.
func (k *key) encrypt(plain secret.Text) string {
	nonce := make([]byte, nonceSize)
	rand.Read(nonce) // never fails
	nonceText := hex.EncodeToString(nonce)
	if k.isVersion1 {
		nonceText = nonceText[:nonceSize]
		nonce = []byte(nonceText)
	}
	ciphertext := hex.EncodeToString(k.aead.Seal(nil, nonce, []byte(plain.Reveal()), nil))
	end := len(ciphertext) - tagDigits
	return nonceText + ciphertext[:end] + ":" + ciphertext[end:]
}
