package salesforce

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
// The zero value is none; [ParsePrivateKey] makes one.
type PrivateKey struct{ rsa *rsa.PrivateKey }

// Bits that a key may have. Salesforce takes no shorter one, and one that is
// longer signs for seconds.
const (
	minKeyBits = 2048
	maxKeyBits = 8192
)

// ParsePrivateKey reads an RSA key in PEM, by PKCS #1 or PKCS #8, without a
// passphrase. It passes over certificates that stand beside the key, and reads \n
// and \r in place of line ends, as the secrets of CI systems have them. Its error
// completes a sentence that begins with the key's name, and quotes nothing.
func ParsePrivateKey(text secret.Text) (PrivateKey, error) {
	unescaped := strings.NewReplacer(`\r`, "", `\n`, "\n").Replace(text.Reveal()) // no PEM has a backslash
	var others []string
	for rest := []byte(unescaped); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return PrivateKey{}, notPrivateKey(unescaped, others)
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
		return PrivateKey{}, errors.New("has a passphrase, which nobody is there to type; `openssl pkey -in KEY -out KEY.open` makes one without")
	case block.Type == "OPENSSH PRIVATE KEY":
		return PrivateKey{}, errors.New("is in the format of OpenSSH; `ssh-keygen -p -m PEM -f KEY` rewrites it")
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
		return PrivateKey{}, fmt.Errorf("is labeled %s, and holds what belongs between the labels %s; `openssl pkey` rewrites it", block.Type, label)
	}
	if bits := key.N.BitLen(); bits < minKeyBits || bits > maxKeyBits {
		return PrivateKey{}, fmt.Errorf("has %d bits, not %d to %d", bits, minKeyBits, maxKeyBits)
	}
	return PrivateKey{key}, nil
}

// parseDER returns a key in either form, and the label that is right for it.
func parseDER(der []byte) (key any, label string, err error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, "RSA PRIVATE KEY", nil
	}
	key, err = x509.ParsePKCS8PrivateKey(der)
	return key, "PRIVATE KEY", err
}

var errNotRSA = errors.New("is not an RSA key, and Salesforce takes no other")
