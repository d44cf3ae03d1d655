// Package keyctl stores items in the user's keyring of the Linux kernel.
package keyctl

import "errors"

// Errors of one key of the kernel's keyring. Its item is lost; a write replaces it.
var (
	ErrWithdrawn = errors.New("its key in the kernel's keyring was revoked, or has expired")
	ErrDenied    = errors.New("its key in the kernel's keyring denies forcecred access")
)
