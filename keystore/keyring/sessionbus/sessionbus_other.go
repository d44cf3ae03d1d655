//go:build !linux

package sessionbus

// Only on Linux does the keyring library speak D-Bus.

// Release does nothing.
func Release() {}

// Connect returns Unused.
func Connect() State { return Unused }

// Current returns Unused.
func Current() State { return Unused }

// IsConnected returns false.
func IsConnected() bool { return false }
