package orgtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"sync"
)

// AppKey is the key with which an app signs assertions.
type AppKey struct {
	PEM    string // PKCS #8
	Public *rsa.PublicKey
}

// String shows no secret.
func (k AppKey) String() string { return "an app's private key" }

// GoString is String: %#v must not print the key either.
func (k AppKey) GoString() string { return k.String() }

// Lines returns the lines of the PEM that are secret.
func (k AppKey) Lines() []string {
	return slices.DeleteFunc(strings.Fields(k.PEM), func(line string) bool { return len(line) < 32 })
}

// NewAppKey returns one key for all apps of a process, because making a key takes longer
// than most tests.
var NewAppKey = sync.OnceValues(func() (AppKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return AppKey{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return AppKey{}, err
	}
	return AppKey{string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), &key.PublicKey}, nil
})
