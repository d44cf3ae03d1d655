//go:build !linux

package keyring

import (
	"context"
	"slices"
)

// Detect returns the keyring to use where nobody has named one: the system's
// own, if this program was built to use it.
func Detect(context.Context) (Backend, bool) {
	for _, backend := range []Backend{Keychain, WinCred} {
		if slices.Contains(Available(), backend) {
			return backend, true
		}
	}
	return "", false
}
