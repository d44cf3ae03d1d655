package orgtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// FreePort returns a free TCP port of 127.0.0.1, for a callback URL that another program
// listens at later. It is below the ports that systems give to outgoing connections and to
// listeners at port 0, so that none of these takes it meanwhile.
func FreePort() (int, error) {
	const first, end = 20000, 32768 // Linux gives ports from 32768, Windows and macOS from 49152
	for range 100 {
		port := first + rand.IntN(end-first)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("of 100 ports none is free")
}
