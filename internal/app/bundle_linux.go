package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"forcecred/internal/regularfile"
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
	if file := p.Getenv(certFile); file != "" { // as Go's library reads it
		files = []string{file}
	}
	for _, file := range files {
		roots, err := regularfile.Read(file, maxCAFile)
		if err == nil {
			return roots
		}
		if errors.Is(err, regularfile.ErrTooLarge) {
			return nil // Go's library would read it
		}
	}
	return nil
}

// Where Go's library looks for the system's roots, by its own rules: relative
// paths are taken, and what can't be read is left out.
const (
	certFile = "SSL_CERT_FILE"
	certDir  = "SSL_CERT_DIR"
)

// maxSystemRoots is far more than a file of the system's roots has, in bytes.
const maxSystemRoots = 64 << 20

// systemRoots returns the variable that says where the system's roots are, or what
// they are called if none does.
func (p Process) systemRoots() string {
	for _, variable := range []string{certFile, certDir} {
		if p.Getenv(variable) != "" {
			return variable
		}
	}
	return systemRoots
}

// checkSystemRoots returns the variable that names a FIFO, a device or a huge file
// for the system's roots, and an error that says so: Go's library would read it
// for ever, or until the memory is full.
func (p Process) checkSystemRoots() (variable string, err error) {
	if file := p.Getenv(certFile); file != "" {
		if err := checkEnds(file); err != nil {
			return certFile, err
		}
	}
	for _, dir := range filepath.SplitList(p.Getenv(certDir)) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // Go's library leaves it out
		}
		for _, entry := range entries {
			if err := checkEnds(filepath.Join(dir, entry.Name())); err != nil {
				return certDir, err
			}
		}
	}
	return "", nil
}

// checkEnds returns an error if who reads the file may never see its end. The null
// device is the way to trust none of the system's roots.
func checkEnds(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil || info.IsDir():
		return nil
	case info.Mode().IsRegular() && info.Size() > maxSystemRoots:
		return &fs.PathError{Op: "read", Path: path, Err: regularfile.ErrTooLarge}
	case info.Mode().IsRegular():
		return nil
	}
	if null, err := os.Stat(os.DevNull); err == nil && os.SameFile(info, null) {
		return nil
	}
	return &fs.PathError{Op: "open", Path: path, Err: regularfile.ErrNotRegular}
}
