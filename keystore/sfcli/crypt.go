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

// key opens and closes the secrets in auth files, by AES-256-GCM in one of the
// two ways that the CLI has. A secret is the hexadecimal text of nonce and
// ciphertext, a colon, the hexadecimal text of the tag.
type key struct {
	aead cipher.AEAD

	// Which way it is, the CLI sees by the length of the key's text. Version 2
	// (64 digits) decodes the text of key and nonce. Version 1 (32 digits) takes
	// the letters themselves for the bytes of both.
	isText bool
}

const (
	nonceSize = 12 // as bytes, and in version 1 as digits too
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
		k.isText, raw = true, []byte(text.Reveal())
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

var sealed = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]+:[0-9a-f]{32}$`) })

// isSealed reports whether a text was encrypted, by the looks that the CLI goes by.
func isSealed(text string) bool { return sealed().MatchString(text) }

var errNotOpened = errors.New("the key does not open it")

// open decrypts a text that isSealed.
func (k *key) open(text string) (secret.Text, error) {
	body, tag, _ := strings.Cut(text, ":")
	digits := 2 * nonceSize
	if k.isText {
		digits = nonceSize
	}
	if len(body) < digits {
		return secret.Text{}, errNotOpened
	}
	nonce := []byte(body[:digits])
	var err error
	if !k.isText {
		if nonce, err = hex.DecodeString(body[:digits]); err != nil {
			return secret.Text{}, errNotOpened
		}
	}
	ciphertext, err := hex.DecodeString(body[digits:] + tag)
	if err != nil {
		return secret.Text{}, errNotOpened
	}
	plain, err := k.aead.Open(nil, nonce, ciphertext, nil)
	if err != nil {
		return secret.Text{}, errNotOpened
	}
	return secret.New(string(plain)), nil
}

// seal encrypts a secret.
func (k *key) seal(plain secret.Text) string {
	nonce := make([]byte, nonceSize)
	rand.Read(nonce) // never fails
	shown := hex.EncodeToString(nonce)
	if k.isText {
		shown = shown[:nonceSize]
		nonce = []byte(shown)
	}
	ciphertext := hex.EncodeToString(k.aead.Seal(nil, nonce, []byte(plain.Reveal()), nil))
	end := len(ciphertext) - tagDigits
	return shown + ciphertext[:end] + ":" + ciphertext[end:]
}
