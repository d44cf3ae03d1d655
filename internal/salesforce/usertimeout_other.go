//go:build !linux

package salesforce

import (
	"net"
	"time"
)

// setUserTimeout does nothing: only Linux has a timeout in milliseconds for what
// is not acknowledged.
func setUserTimeout(*net.TCPConn, time.Duration) error { return nil }
