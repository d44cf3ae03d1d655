package credentials

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"forcecred/protocol/secret"
)

// keyPEM is one key in both forms.
type keyPEM struct{ pkcs1, pkcs8 string }

var testKeys sync.Map // of keyPEM, by bits: to generate one is the slowest part of the tests

func testKey(t *testing.T, bits int) keyPEM {
	t.Helper()
	made, _ := testKeys.LoadOrStore(bits, sync.OnceValues(func() (keyPEM, error) {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			return keyPEM{}, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		return keyPEM{block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), block("PRIVATE KEY", der)}, err
	}))
	key, err := made.(func() (keyPEM, error))()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// wrapped returns text in lines of 76 characters, as base64(1) prints it.
func wrapped(text string) string {
	var lines strings.Builder
	for line := range slices.Chunk([]byte(text), 76) {
		lines.Write(line)
		lines.WriteByte('\n')
	}
	return lines.String()
}

func TestParsePrivateKey(t *testing.T) {
	t.Parallel()
	key, short := testKey(t, 2048), testKey(t, 1024)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curveDER, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	legacy := strings.Replace(key.pkcs1, "-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n", 1)
	for _, tt := range []struct {
		name, text, says string // "" is success
	}{
		{"PKCS #8", key.pkcs8, ""},
		{"PKCS #1", key.pkcs1, ""},
		{"lines as Windows ends them", strings.ReplaceAll(key.pkcs8, "\n", "\r\n"), ""},
		{"after a certificate and words", "of acme\n" + block("CERTIFICATE", []byte("test")) + key.pkcs8, ""},
		{"short", short.pkcs8, "has 1024 bits, not 2048 to 8192"},
		{"PKCS #8 with a passphrase", block("ENCRYPTED PRIVATE KEY", []byte("test")), "has a passphrase"},
		{"PKCS #1 with a passphrase", legacy, "has a passphrase"},
		{"elliptic, PKCS #8", block("PRIVATE KEY", curveDER), "is not an RSA key"},
		{"elliptic", block("EC PRIVATE KEY", curveDER), "is not an RSA key"},
		{"OpenSSH", block("OPENSSH PRIVATE KEY", []byte("test")), "ssh-keygen"},
		{"damaged", block("PRIVATE KEY", []byte("test-private-key")), "is damaged"},
		{"damaged, PKCS #1", block("RSA PRIVATE KEY", []byte("test-private-key")), "is damaged"},
		{"a letter lost", strings.Replace(key.pkcs8, "\nMII", "\nMI", 1), "is damaged"},

		{`\n for line ends`, strings.ReplaceAll(key.pkcs8, "\n", `\n`), ""},
		{`\r\n for line ends`, strings.ReplaceAll(key.pkcs1, "\n", `\r\n`), ""},
		{`\n beside line ends`, strings.ReplaceAll(key.pkcs8, "\n", "\\n\n"), ""},
		{"cut", key.pkcs8[:len(key.pkcs8)/2], "is cut off"},
		{"in one line", strings.ReplaceAll(key.pkcs8, "\n", ""), "is in one line"},
		{"with spaces for line ends", strings.ReplaceAll(key.pkcs8, "\n", " "), "is in one line"},
		{"indented", "  " + strings.ReplaceAll(key.pkcs8, "\n", "\n  "), "is indented"},
		{"indented by a tab", strings.ReplaceAll("\n"+key.pkcs8, "\n", "\n\t"), "is indented"},
		{"in quotation marks", `"` + key.pkcs8 + `"`, "has quotation marks"},
		{"in quotation marks, in one line", "'" + strings.ReplaceAll(key.pkcs8, "\n", `\n`) + "'\n", "has quotation marks"},
		{"after a byte order mark", "\ufeff" + key.pkcs8, "byte order mark"},
		{"UTF-16", "\xff\xfe-\x00-\x00", "UTF-16"},
		{"base64 of a PEM", base64.StdEncoding.EncodeToString([]byte(key.pkcs8)), "encoded as base64"},
		{"base64 of a PEM, in lines", wrapped(base64.StdEncoding.EncodeToString([]byte(key.pkcs8))), "encoded as base64"},
		{"labels swapped, PKCS #8", strings.ReplaceAll(key.pkcs8, "PRIVATE KEY", "RSA PRIVATE KEY"), "has the label RSA PRIVATE KEY"},
		{"labels swapped, PKCS #1", strings.ReplaceAll(key.pkcs1, "RSA PRIVATE KEY", "PRIVATE KEY"), "has the label PRIVATE KEY"},
		{"two labels", strings.Replace(key.pkcs1, "END RSA PRIVATE", "END PRIVATE", 1), "begins with the label RSA PRIVATE KEY"},
		{"the last line first", "-----END PRIVATE KEY-----\n-----BEGIN PRIVATE KEY-----\n", "in its first line"},
		{"a certificate alone", block("CERTIFICATE", []byte("test")), "is a certificate"},
		{"a request alone", block("CERTIFICATE REQUEST", []byte("test")), "is a certificate request"},
		{"a public key", block("PUBLIC KEY", []byte("test")), "is a public key"},
		{"nothing", "", "is empty"},
		{"white space", " \r\n", "is empty"},
		{"other words", "test-private-key", "is not a private key in PEM"},
		{"base64 of other words", base64.StdEncoding.EncodeToString([]byte("test-private-key")), "is not a private key in PEM"},
	} {
		got, err := ParsePrivateKey(secret.New(tt.text))
		if tt.says == "" {
			if err != nil || got.rsa == nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "test-") || got.rsa != nil {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.says)
		}
	}
	parsed, err := ParsePrivateKey(secret.New(key.pkcs8))
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v %#v", parsed, parsed, parsed); strings.Contains(text, parsed.rsa.D.String()[:12]) {
		t.Error("a key that is printed shows itself")
	}
}
