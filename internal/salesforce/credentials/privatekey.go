package credentials

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"forcecred/protocol/secret"
)

// PrivateKey is an RSA key that signs assertions; Salesforce has its certificate.
// [ParsePrivateKey] returns one. The zero value has no key.
type PrivateKey struct{ rsa *rsa.PrivateKey }

// RSA returns the key, or nil.
func (k PrivateKey) RSA() *rsa.PrivateKey { return k.rsa }

// The allowed bits of a key. Salesforce accepts no shorter one. A longer one needs
// seconds for a signature.
const (
	minKeyBits = 2048
	maxKeyBits = 8192
)

// ParsePrivateKey reads an RSA key in PEM (PKCS #1 or PKCS #8) without a passphrase.
// It ignores certificates beside the key. It reads \n and \r as line ends, because the
// secrets of CI systems often have them. Its error completes a sentence that begins
// with the key's name, and quotes nothing.
func ParsePrivateKey(text secret.Text) (PrivateKey, error) {
	unescaped := strings.NewReplacer(`\r`, "", `\n`, "\n").Replace(text.Reveal()) // no PEM has a backslash
	var others []string
	for rest := []byte(unescaped); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return PrivateKey{}, explainNoKey(unescaped, others)
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return parseKeyBlock(block)
		}
		others = append(others, block.Type)
	}
}

func parseKeyBlock(block *pem.Block) (PrivateKey, error) {
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY", block.Headers["DEK-Info"] != "":
		return PrivateKey{}, errors.New("has a passphrase, which forcecred cannot ask for; remove it with `openssl pkey -in KEY -out KEY.open`")
	case block.Type == "OPENSSH PRIVATE KEY":
		return PrivateKey{}, errors.New("is in the format of OpenSSH; convert it with `ssh-keygen -p -m PEM -f KEY`")
	case block.Type != "RSA PRIVATE KEY" && block.Type != "PRIVATE KEY": // EC, DSA
		return PrivateKey{}, errNotRSA
	}
	parsed, label, err := parseDER(block.Bytes)
	if err != nil {
		return PrivateKey{}, errors.New("is damaged between its first line and its last")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return PrivateKey{}, errNotRSA
	}
	if label != block.Type {
		return PrivateKey{}, fmt.Errorf("has the label %s, but its content requires the label %s; convert it with `openssl pkey`", block.Type, label)
	}
	if bits := key.N.BitLen(); bits < minKeyBits || bits > maxKeyBits {
		return PrivateKey{}, fmt.Errorf("has %d bits, not %d to %d", bits, minKeyBits, maxKeyBits)
	}
	return PrivateKey{key}, nil
}

// parseDER returns a key in either form, and the PEM label of that form.
func parseDER(der []byte) (key any, label string, err error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, "RSA PRIVATE KEY", nil
	}
	key, err = x509.ParsePKCS8PrivateKey(der)
	return key, "PRIVATE KEY", err
}

var errNotRSA = errors.New("is not an RSA key; Salesforce accepts no other")
