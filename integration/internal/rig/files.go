package rig

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
)

// Tail returns the end of a command's output, which has the reason of a failure.
func Tail(out []byte) []byte {
	return out[max(0, len(out)-2000):]
}

func WriteFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// WritePEM writes certificates to a file and returns its path.
func WritePEM(t *testing.T, certificates []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(path, certificates, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// CertificatePEM returns a certificate in PEM.
func CertificatePEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}
