//go:build !linux

package app

// bundle returns nil: the system verifies certificates itself, and reads no file
// for it.
func (Process) bundle() []byte { return nil }

// checkSystemRoots returns nil, for the same reason.
func (Process) checkSystemRoots() (variable string, err error) { return "", nil }

func (Process) systemRoots() string { return systemRoots }
