//go:build !linux

package busguard

// Bus returns Unused: only on Linux does the library speak D-Bus.
func Bus() State { return Unused }

// Done does nothing: nothing was changed.
func Done() {}

// Given returns environ: nothing was changed.
func Given(environ []string) []string { return environ }
