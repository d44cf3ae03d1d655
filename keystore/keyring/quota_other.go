//go:build !linux

package keyring

// KernelQuota reports false: only Linux's kernel keeps keys.
func KernelQuota() (used, limit int, ok bool) { return 0, 0, false }
