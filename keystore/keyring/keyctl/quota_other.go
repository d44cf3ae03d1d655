//go:build !linux

package keyctl

// Quota reports false: only Linux has a kernel's keyring.
func Quota() (used, limit int, ok bool) { return 0, 0, false }
