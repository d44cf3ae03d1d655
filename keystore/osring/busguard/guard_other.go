//go:build !linux

package busguard

// Only on Linux does the library speak D-Bus.
const found = Unused

// Restore does nothing: nothing was changed.
func Restore() {}

// Given returns environ: nothing was changed.
func Given(environ []string) []string { return environ }
