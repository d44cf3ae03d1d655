package setup

import (
	"errors"
	"io/fs"
)

// bundles are where distributions have the roots that they trust in one file.
// They are those of Go's library in its order, since what it would not trust is
// not to be trusted here: it takes the first that it can read, and then each
// certificate of a folder, which mostly holds the same ones.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Arch, Gentoo
	"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, until it was 43
	"/etc/ssl/ca-bundle.pem",                            // SUSE
	"/etc/pki/tls/cacert.pem",                           // OpenELEC
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS
	"/etc/ssl/cert.pem",                                 // Alpine
}

// bundle returns those of the system's roots that are fast to read, or nil.
func (p Process) bundle() []byte {
	files := bundles
	if file := p.Getenv("SSL_CERT_FILE"); file != "" { // as Go's library reads it
		files = []string{file}
	}
	for _, file := range files {
		roots, err := readRoots(file)
		if err == nil {
			return roots
		}
		if _, isUnreadable := errors.AsType[*fs.PathError](err); !isUnreadable {
			return nil // it is too large, and Go's library would read it
		}
	}
	return nil
}
