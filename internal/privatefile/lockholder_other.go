//go:build !linux

package privatefile

import "forcecred/keystore"

// LockHolder knows nobody: the system does not report who holds a lock.
func LockHolder(string) keystore.LockHolder { return keystore.LockHolder{} }
