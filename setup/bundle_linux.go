package setup

// bundles are where distributions have the roots that they trust in one file.
// Go's library reads the first of them that is there as well, and then each
// certificate of a folder, which mostly holds the same ones.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt", // Debian, Arch, Gentoo
	"/etc/pki/tls/certs/ca-bundle.crt",   // Fedora
	"/etc/ssl/ca-bundle.pem",             // SUSE
	"/etc/ssl/cert.pem",                  // Alpine
}

// bundle returns those of the system's roots that are fast to read, or nil.
func (p Process) bundle() []byte {
	files := bundles
	if file := p.Getenv("SSL_CERT_FILE"); file != "" { // as Go's library reads it
		files = []string{file}
	}
	for _, file := range files {
		if roots, err := readRoots(file); err == nil {
			return roots
		}
	}
	return nil
}
