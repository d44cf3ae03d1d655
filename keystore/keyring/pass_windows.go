package keyring

import "github.com/99designs/keyring"

// There is no pass on Windows.
const hasPass = false

func passReachable() error { return nil }

func (s *Store) openPass() (keyring.Keyring, error) { return nil, s.unavailable() }
