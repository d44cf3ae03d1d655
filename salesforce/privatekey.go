package salesforce

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"forcecred/keystore/secret"
)

// PrivateKey is an RSA key that signs assertions; Salesforce has its certificate.
// The zero value is none; [ParsePrivateKey] makes one.
type PrivateKey struct{ rsa *rsa.PrivateKey }

// Bits that a key may have. Salesforce takes no shorter one, and one that is
// longer signs for seconds.
const (
	minKeyBits = 2048
	maxKeyBits = 8192
)

// ParsePrivateKey reads an RSA key in PEM, by PKCS #1 or PKCS #8, without a
// passphrase. Whatever certificates stand beside it are passed over. Its error
// says what is wrong, and quotes nothing.
func ParsePrivateKey(text secret.Text) (PrivateKey, error) {
	for rest := []byte(text.Reveal()); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return PrivateKey{}, errors.New("is not a private key in PEM, -----BEGIN PRIVATE KEY-----")
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return parseKeyBlock(block)
		}
	}
}

func parseKeyBlock(block *pem.Block) (PrivateKey, error) {
	var parsed any
	var err error
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY", block.Headers["DEK-Info"] != "":
		return PrivateKey{}, errors.New("has a passphrase, which nobody is there to type; `openssl pkey -in KEY -out KEY.open` makes one without")
	case block.Type == "RSA PRIVATE KEY":
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case block.Type == "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	default: // EC, DSA, OPENSSH
		return PrivateKey{}, errNotRSA
	}
	if err != nil {
		return PrivateKey{}, errors.New("is damaged")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return PrivateKey{}, errNotRSA
	}
	if bits := key.N.BitLen(); bits < minKeyBits || bits > maxKeyBits {
		return PrivateKey{}, fmt.Errorf("has %d bits, not %d to %d", bits, minKeyBits, maxKeyBits)
	}
	return PrivateKey{key}, nil
}

var errNotRSA = errors.New("is not an RSA key, and Salesforce takes no other")
