//go:build !linux

package app

// bundle returns nil: the system verifies certificates itself, and reads no file
// for it.
func (App) bundle() []byte { return nil }

// checkSystemRoots returns nil, for the same reason.
func (App) checkSystemRoots() (variable string, err error) { return "", nil }

func (App) systemRoots() string { return systemRoots }
