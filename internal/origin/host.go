package origin

import (
	"net/netip"
	"strings"
)

// IsHostname reports whether name is a host name that every resolver reads in
// the same way: labels of ASCII letters, digits and hyphens, or an IP address in
// its usual form (IPv6 without brackets). Letters may be of either case.
//
// Other scripts arrive as punycode or not at all. Programs map them to ASCII by
// rules that differ: Go's case folding makes an i of İ (U+0130), and IDNA, by
// which names are looked up, does not.
func IsHostname(name string) bool {
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.Zone() == ""
	}
	if name == "" || len(name) > 253 {
		return false
	}
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.Trim(label, labelBytes) != "" {
			return false
		}
		last = label
	}
	return !isNumber(last)
}

const (
	digits     = "0123456789"
	labelBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" + digits + "-"
)

// isNumber reports whether a name that ends in label may be read as an IPv4
// address: 127.1, 0177.0.0.1 and 0x7f.1 are 127.0.0.1 to some programs, and host
// names to others (https://url.spec.whatwg.org/#ends-in-a-number-checker).
func isNumber(label string) bool {
	if hex, ok := strings.CutPrefix(strings.ToLower(label), "0x"); ok {
		return strings.Trim(hex, digits+"abcdef") == ""
	}
	return strings.Trim(label, digits) == ""
}

// normalHost returns the normal form of a URL's host: lower case, an IPv6
// address in brackets and in its shortest form.
func normalHost(host string) (normal string, ok bool) {
	if inner, isBracketed := strings.CutPrefix(host, "["); isBracketed {
		inner, ok = strings.CutSuffix(inner, "]")
		ip, err := netip.ParseAddr(inner)
		if !ok || err != nil || !ip.Is6() || ip.Zone() != "" {
			return "", false
		}
		return "[" + ip.String() + "]", true
	}
	if strings.Contains(host, ":") || !IsHostname(host) {
		return "", false
	}
	return strings.ToLower(host), true // of ASCII alone
}
