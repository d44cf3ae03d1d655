package salesforce

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"forcecred/internal/origin"
)

// SplitNoProxy splits a setting of NO_PROXY, as curl does, by commas and white
// space. It returns apart what is no host, address or network, with or without a
// port: the library would pass over such an entry in silence, and the host that it
// was meant for would be reached through the proxy.
func SplitNoProxy(setting string) (entries, unreadable []string) {
	for _, entry := range strings.FieldsFunc(setting, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\r' || r == '\n' }) {
		if isNoProxyEntry(entry) {
			entries = append(entries, entry)
		} else {
			unreadable = append(unreadable, entry)
		}
	}
	return entries, unreadable
}

// isNoProxyEntry accepts *, networks, addresses, and names that may begin with a dot
// or *. for all below them; the last two with a port or without.
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
