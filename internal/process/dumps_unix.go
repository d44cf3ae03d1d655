//go:build unix && !linux

package process

// DisableDumps disables core files, for this process and for programs that it starts before
// allow.
func DisableDumps() (allow func()) { return disableCores() }
