// Package origin names the places that tokens are sent to.
package origin

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Origin is a place that tokens are sent to, in its one spelling:
// https://acme.my.salesforce.com, with a port only where that is not 443.
// Origins are compared whole, so that a token goes to no host that merely looks
// like an org's.
type Origin string

// Parse returns the origin of a URL. It refuses what two programs may
// read as two hosts: user names, backslashes, trailing dots, letters beyond
// ASCII. Its errors don't quote the URL, which may hold a password.
func Parse(raw string) (Origin, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || strings.ContainsAny(raw, "\\ \t\r\n") {
		return "", errors.New("it is not a URL")
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	switch {
	case u.Scheme != "https":
		return "", errors.New("it is not an https URL")
	case u.User != nil:
		return "", errors.New("it has a user or a password in it")
	case !IsHostname(host):
		return "", errors.New("it has no host name that DNS could have")
	case strings.HasSuffix(u.Host, ":"):
		return "", errors.New("it has a colon but no port")
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return "", errors.New("its port is not a number between 1 and 65535")
		}
		if n != 443 {
			host += ":" + strconv.FormatUint(n, 10)
		}
	}
	return Origin("https://" + host), nil
}

// IsHostname accepts lower-case DNS names in ASCII, and IP addresses. Other
// scripts arrive as punycode or not at all: a look-alike letter must not pass
// for Salesforce.
func IsHostname(name string) bool {
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.Zone() == ""
	}
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.Trim(label, labelBytes) != "" {
			return false
		}
	}
	return true
}

const labelBytes = "abcdefghijklmnopqrstuvwxyz0123456789-_"
