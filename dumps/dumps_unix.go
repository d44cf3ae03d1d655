//go:build unix && !linux

package dumps

// Forbid lets no core file be written from here on, also from programs that
// this one starts until allow.
func Forbid() (allow func()) { return forbidCores() }
