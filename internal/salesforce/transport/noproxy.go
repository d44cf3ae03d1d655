package transport

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"forcecred/internal/origin"
)

// SplitNoProxy splits a setting of NO_PROXY, as curl does, by commas and white
// space. It returns invalid entries separately: those that are not a host, an address
// or a network. The library ignores such an entry in silence, and requests to its
// host go through the proxy.
func SplitNoProxy(setting string) (entries, invalid []string) {
	for _, entry := range strings.FieldsFunc(setting, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\r' || r == '\n' }) {
		if isNoProxyEntry(entry) {
			entries = append(entries, entry)
		} else {
			invalid = append(invalid, entry)
		}
	}
	return entries, invalid
}

// isNoProxyEntry accepts *, networks, addresses and names. A name that begins with a
// dot or *. means all names below it. Addresses and names may have a port.
func isNoProxyEntry(entry string) bool {
	if entry == "*" {
		return true
	}
	if _, err := netip.ParsePrefix(entry); err == nil {
		return true
	}
	if _, err := netip.ParseAddr(entry); err == nil { // an IPv6 address has colons and no port
		return true
	}
	host := entry
	if name, port, err := net.SplitHostPort(entry); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
		host = name
	}
	host = strings.TrimPrefix(strings.TrimPrefix(host, "*"), ".")
	return origin.IsHostname(host)
}
