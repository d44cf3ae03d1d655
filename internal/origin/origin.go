// Package origin parses the URL of a host that tokens are sent to.
package origin

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// Origin is an https URL with a host and no more, in normal form:
// https://acme.my.salesforce.com, with a port only if it is not 443. Two Origins name
// the same host only if they are equal, so no token is sent to a host that merely looks
// like an org's. [Parse] and [ParseBase] return one.
type Origin string

const scheme = "https://"

// Parse returns the origin of an https URL with any path and query. It refuses a URL in
// which two programs may see two hosts: with a user name, a backslash, a trailing dot,
// %XX in the host, or characters beyond ASCII. Its errors complete a sentence whose
// subject is the URL ("has a user or password in it"). They do not quote the URL,
// because it may contain a password.
func Parse(raw string) (Origin, error) {
	o, _, err := parse(raw)
	return o, err
}

// ErrPath is the error of [ParseBase] for a URL with a path.
var ErrPath = errors.New("has a path")

// ParseBase is [Parse] for a URL that names a host and no more. It may end in a slash. A
// path (ErrPath), a query or a fragment is an error, because a path that is appended to
// such a URL would lead elsewhere.
func ParseBase(raw string) (Origin, error) {
	o, rest, err := parse(raw)
	switch {
	case err != nil:
		return "", err
	case strings.ContainsAny(rest, "?#"):
		return "", errors.New("has a query or a fragment")
	case rest != "" && rest != "/":
		return "", ErrPath
	}
	return o, nil
}

// parse returns the origin of a URL, and the rest after the host and port.
func parse(raw string) (o Origin, rest string, err error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || strings.ContainsAny(raw, "\\ \t\r\n"):
		return "", "", errors.New("is not a URL")
	case u.Scheme != "https":
		return "", "", errors.New("is not an https URL")
	case u.User != nil:
		return "", "", errors.New("has a user or password in it")
	}
	// The host as it is written in the URL. In u it has %XX decoded, about which programs
	// disagree.
	authority, ok := strings.CutPrefix(raw[len("https:"):], "//")
	if i := strings.IndexAny(authority, "/?#"); i >= 0 {
		authority, rest = authority[:i], authority[i:]
	}
	name, port, hasPort := cutPort(authority)
	host, valid := normalHost(name)
	switch {
	case !ok || !valid:
		return "", "", errors.New("has no valid host name (ASCII letters, digits, dots and hyphens)")
	case hasPort && port == "":
		return "", "", errors.New("has a colon but no port")
	case hasPort:
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return "", "", errors.New("has a port that is not a number between 1 and 65535")
		}
		if n != 443 {
			host += ":" + strconv.FormatUint(n, 10)
		}
	}
	return Origin(scheme + host), rest, nil
}

// cutPort splits a host from the port after it. An IPv6 address keeps its brackets.
func cutPort(authority string) (host, port string, hasPort bool) {
	i := strings.LastIndexByte(authority, ':')
	if i < strings.LastIndexByte(authority, ']') || i < 0 {
		return authority, "", false
	}
	return authority[:i], authority[i+1:], true
}

// Hostname returns the origin's host name or IP address, without the port and
// without the brackets of IPv6.
func (o Origin) Hostname() string {
	host, _, _ := cutPort(strings.TrimPrefix(string(o), scheme))
	return strings.Trim(host, "[]")
}

// Port returns the origin's port, or "" for 443.
func (o Origin) Port() string {
	_, port, _ := cutPort(strings.TrimPrefix(string(o), scheme))
	return port
}
