//go:build !linux

package rig

// awaitWorkers does not wait: here nothing says whose home a process has.
func awaitWorkers(string) bool { return true }
