//go:build !linux

package rig

import (
	"testing"

	"forcecred/internal/desktop"
)

// withOwnLocks returns the plain forcecred: these tests run on Linux alone.
func withOwnLocks(*testing.T, *desktop.Desktop) Program { return Program{} }
