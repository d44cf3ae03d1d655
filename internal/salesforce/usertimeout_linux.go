package salesforce

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// setUserTimeout makes the system give up a connection if what was sent on it is
// not acknowledged within d (TCP_USER_TIMEOUT, RFC 5482). A process that runs
// gives up by itself before that. One that is stopped does not, and the system
// would go on sending for it.
func setUserTimeout(tcp *net.TCPConn, d time.Duration) error {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return failed
}
