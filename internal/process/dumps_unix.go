//go:build unix && !linux

package process

// ForbidDumps lets no core file be written from here on, also from programs that
// this one starts until allow.
func ForbidDumps() (allow func()) { return forbidCores() }
