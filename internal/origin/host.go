package origin

import (
	"net/netip"
	"strings"
)

// IsHostname reports whether every resolver reads name in the same way: labels of ASCII
// letters, digits and hyphens, or an IP address in its usual form (IPv6 without
// brackets). Letters may have either case.
//
// Names in other scripts must be punycode, because programs map them to ASCII by
// different rules: Go's case folding maps İ (U+0130) to i, and IDNA, the rule of DNS
// lookups, does not.
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

// isNumber reports whether some programs read a name that ends in label as an IPv4
// address: for them 127.1, 0177.0.0.1 and 0x7f.1 are 127.0.0.1
// (https://url.spec.whatwg.org/#ends-in-a-number-checker).
func isNumber(label string) bool {
	if hex, ok := strings.CutPrefix(strings.ToLower(label), "0x"); ok {
		return strings.Trim(hex, digits+"abcdef") == ""
	}
	return strings.Trim(label, digits) == ""
}

// normalHost returns a URL's host in normal form: lower case, an IPv6 address in brackets
// and in its shortest form.
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
	return strings.ToLower(host), true // IsHostname allows ASCII alone
}
