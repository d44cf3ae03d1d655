package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"forcecred/internal/config"
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

// maxSystemRoots is far more than a file of the system's roots has, in bytes.
const maxSystemRoots = 64 << 20

// systemRoots returns the variable that says where the system's roots are, or what
// they are called if none does.
func (a App) systemRoots() string {
	for _, setting := range []config.Setting{a.Config.CertFile, a.Config.CertDir} {
		if setting.IsSet() {
			return setting.Name
		}
	}
	return systemRoots
}

// checkSystemRoots returns the variable that names a FIFO, a device or a huge file
// for the system's roots, and an error that says so: Go's library would read it
// for ever, or until the memory is full.
func (a App) checkSystemRoots() (variable string, err error) {
	file, dirs := a.Config.CertFile, a.Config.CertDir
	if file.IsSet() {
		if err := checkEnds(file.Value); err != nil {
			return file.Name, err
		}
	}
	for _, dir := range filepath.SplitList(dirs.Value) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // Go's library leaves it out
		}
		for _, entry := range entries {
			if err := checkEnds(filepath.Join(dir, entry.Name())); err != nil {
				return dirs.Name, err
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
