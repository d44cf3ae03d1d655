package plugin

import (
	"net"
	"strconv"

	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// socket is a listener on a port of 127.0.0.1, to which each user of the machine can
// connect. Few hosts on Windows support another kind of socket.
type socket struct{ net.Listener }

// listen opens a port in the range that the host set. Its error is a [*protocol.Error].
func listen(getenv func(string) string) (*socket, error) {
	first, err := port(getenv, "PLUGIN_MIN_PORT")
	if err != nil {
		return nil, err
	}
	last, err := port(getenv, "PLUGIN_MAX_PORT")
	if err != nil {
		return nil, err
	}
	for p := first; p <= last; p++ {
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p))); err == nil {
			return &socket{l}, nil
		}
	}
	e := protocol.Errorf(protocol.Usage, "no port for the plugin's socket is free between PLUGIN_MIN_PORT and PLUGIN_MAX_PORT")
	e.Remedy = remedy.To("name_more_ports")
	return nil, e
}

// port returns the port in a variable, or 0 for any port if the variable is not set.
func port(getenv func(string) string, variable string) (int, error) {
	value := getenv(variable)
	if value == "" {
		return 0, nil
	}
	p, err := strconv.ParseUint(value, 10, 16)
	if err != nil {
		return 0, protocol.Errorf(protocol.Usage, "%s is not a port number", variable)
	}
	return int(p), nil
}

// Remove closes the socket.
func (s *socket) Remove() { _ = s.Close() }
