//go:build !linux

package app

// bundle returns nil, because the system itself verifies certificates.
func (App) bundle() []byte { return nil }

// checkSystemRoots returns nil, for the same reason.
func (App) checkSystemRoots() (variable string, err error) { return "", nil }

func (App) systemRootsName() string { return defaultRootsName }
