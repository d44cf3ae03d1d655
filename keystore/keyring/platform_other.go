//go:build !linux

package keyring

import "context"

// newPlatformDriver returns the driver of a backend that only some systems have.
func newPlatformDriver(b base) driver {
	if b.config.Backend == Pass {
		return newPass(b)
	}
	return b
}

// Detect returns the keyring to use if nobody has named one: the system's own, if this
// program was built to use it.
func Detect(context.Context) (Backend, bool) {
	for _, backend := range []Backend{Keychain, WinCred} {
		if backend.isAvailable() {
			return backend, true
		}
	}
	return "", false
}
