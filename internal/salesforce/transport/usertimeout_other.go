//go:build !linux

package transport

import (
	"net"
	"time"
)

// setUserTimeout does nothing: only Linux has a timeout in milliseconds for
// unacknowledged data.
func setUserTimeout(*net.TCPConn, time.Duration) error { return nil }
