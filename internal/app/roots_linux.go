package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"forcecred/internal/config"
	"forcecred/internal/regularfile"
)

// bundles are the files in which distributions put the root certificates that they trust.
// They are those of Go's library, in its order, so that forcecred trusts no other root.
// Go's library reads the first of them that exists, and then each file of a folder,
// which has mostly the same certificates.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Arch, Gentoo
	"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, until it was 43
	"/etc/ssl/ca-bundle.pem",                            // SUSE
	"/etc/pki/tls/cacert.pem",                           // OpenELEC
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS
	"/etc/ssl/cert.pem",                                 // Alpine
}

// bundle returns the system's root certificates from one file, which is fast, or nil.
func (a App) bundle() []byte {
	files := bundles
	if a.Config.CertFile.IsSet() { // as Go's library reads it
		files = []string{a.Config.CertFile.Value}
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

// maxSystemRoots is far more than the size of a file of the system's roots, in bytes.
const maxSystemRoots = 64 << 20

// systemRootsName returns the variable that names the system's roots, or what to call them
// if no variable does.
func (a App) systemRootsName() string {
	for _, setting := range []config.Setting{a.Config.CertFile, a.Config.CertDir} {
		if setting.IsSet() {
			return setting.Name
		}
	}
	return defaultRootsName
}

// checkSystemRoots returns an error if a variable names a FIFO, a device or a huge file for
// the system's roots, with that variable. Go's library would read it forever, or until
// the memory is full.
func (a App) checkSystemRoots() (variable string, err error) {
	file, dirs := a.Config.CertFile, a.Config.CertDir
	if file.IsSet() {
		if err := checkFinite(file.Value); err != nil {
			return file.Name, err
		}
	}
	for _, dir := range filepath.SplitList(dirs.Value) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // Go's library leaves it out
		}
		for _, entry := range entries {
			if err := checkFinite(filepath.Join(dir, entry.Name())); err != nil {
				return dirs.Name, err
			}
		}
	}
	return "", nil
}

// checkFinite returns an error if reading the file may never end. The null device is
// accepted: it is how to trust none of the system's roots.
func checkFinite(path string) error {
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
