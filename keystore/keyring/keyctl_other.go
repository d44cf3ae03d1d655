//go:build !linux

package keyring

import "github.com/99designs/keyring"

// openKernel fails: only Linux has the kernel's keyring.
func (s *Store) openKernel() (keyring.Keyring, error) { return nil, s.unavailable() }
