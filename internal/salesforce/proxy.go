package salesforce

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"forcecred/internal/origin"

	"golang.org/x/net/http/httpproxy"
)

// A proxy's address may hold a password, and a host or a port may be a part of
// one that was not escaped. So errors name the variable, and quote nothing of it.
const theProxy = "the proxy in HTTPS_PROXY"

const (
	hintProxy         = "check HTTPS_PROXY, or name the org's host in NO_PROXY if it can be reached without"
	hintProxyPassword = "HTTPS_PROXY takes the user and the password as http://USER:PASSWORD@HOST:PORT, special characters as %XX"
	hintProxyScheme   = "forcecred answers to Basic alone; a proxy on this machine that signs in to that one can stand between"
	hintProxyBars     = "whoever runs the proxy has to let port 443 of the org's host through"
)

// CheckProxy checks a setting of HTTPS_PROXY: the URL of an HTTP or SOCKS5 proxy, or
// the host and port of an HTTP proxy. What is neither, the standard library
// takes for none, and connects without a proxy. The error doesn't quote the setting.
func CheckProxy(setting string) error {
	if !strings.Contains(setting, "://") {
		setting = "http://" + setting
	}
	u, err := url.Parse(setting)
	// What follows the host is a part of a password most likely, and its beginning
	// was taken for the host.
	hasMore := err == nil && (strings.Trim(u.Path, "/") != "" || strings.ContainsAny(setting, "?#"))
	if err != nil || hasMore || u.Hostname() == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return errors.New("it is not the URL of a proxy, such as http://USER:PASSWORD@HOST:PORT with special characters as %XX")
	}
	if !isProxyHost(u.Hostname()) {
		return errors.New("it is not the URL of a proxy: its host is neither a name of ASCII letters, digits, dots and hyphens nor an IP address")
	}
	return nil
}

// isProxyHost reports whether name may be the host of a proxy, which gets the
// proxy's password. Besides the names of [origin.IsHostname] it allows underscores,
// which Windows machines have in their names, a dot at the end, which turns search
// lists off, and the zone of a link-local address.
func isProxyHost(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	name = strings.TrimSuffix(strings.ReplaceAll(name, "_", "x"), ".")
	return origin.IsHostname(name)
}

// Proxy is through what requests go. The zero value is none.
type Proxy struct {
	URL     string // a setting that [CheckProxy] accepts, or ""
	NoProxy string // the hosts that are reached without it; see [SplitNoProxy]
}

// choose returns what chooses the proxy of a request, or nil for none: loopback
// never goes through one.
func (p Proxy) choose() func(*http.Request) (*url.URL, error) {
	entries, _ := SplitNoProxy(p.NoProxy)
	choose := (&httpproxy.Config{HTTPSProxy: p.URL, NoProxy: strings.Join(entries, ",")}).ProxyFunc()
	return func(req *http.Request) (*url.URL, error) {
		t := tripOf(req.Context())
		proxy, err := choose(t.to) // the URL of req has no port, which NO_PROXY may name
		t.takes(proxy)
		return proxy, err
	}
}

// proxyRefusal is a proxy's answer to CONNECT, other than 200; or that of a SOCKS
// proxy, as the status that says the same.
type proxyRefusal struct {
	status   int
	asked    []string // its ways to sign in, with 407
	password bool     // it was given one
	socks    bool
}

func (e *proxyRefusal) Error() string { return fmt.Sprintf("status %d to CONNECT", e.status) }

// proxyAnswered is called with a proxy's answer to CONNECT. The transport's own
// error would be the text of the status line, which a proxy is free to choose.
func proxyAnswered(ctx context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return &proxyRefusal{status: resp.StatusCode, asked: resp.Header.Values("Proxy-Authenticate"), password: proxy.User != nil}
	}
	tripOf(ctx).reach(securing)
	return nil
}

const socksConnect = "socks connect" // how the standard library calls what it does

// socksRefusal returns what a SOCKS proxy has said no with, or nil. The standard
// library has texts of its own for that, and no types.
func socksRefusal(fault string, proxy *url.URL) *proxyRefusal {
	refusal := &proxyRefusal{status: http.StatusProxyAuthRequired, password: proxy.User != nil, socks: true}
	switch {
	case strings.Contains(fault, "username/password"):
	case fault == "no acceptable authentication methods":
		if refusal.password {
			refusal.asked = []string{"another way"}
		}
	case strings.Contains(fault, "not allowed by ruleset"):
		refusal.status = http.StatusForbidden
	case strings.HasPrefix(fault, "unknown error "):
		refusal.status = http.StatusBadGateway
	default:
		return nil
	}
	return refusal
}

// proxyError names what kept a request from getting through its proxy.
func proxyError(err error, proxy *url.URL) *Error {
	if refusal := (*proxyRefusal)(nil); errors.As(err, &refusal) {
		return refusal.meaning()
	}
	if e := tlsError(theProxy, err); e != nil {
		return e
	}
	var (
		dns   *net.DNSError
		errno syscall.Errno
		op    *net.OpError
	)
	text := "does not speak HTTP"
	if errors.As(err, &op) && op.Op == socksConnect {
		if refusal := socksRefusal(op.Err.Error(), proxy); refusal != nil {
			return refusal.meaning()
		}
		text = "does not speak SOCKS5"
	}
	switch {
	case errors.As(err, &dns):
		text = "can't be reached: " + dns.Err // such as: no such host
	case isTimeout(err):
		text = "does not answer"
	case errors.As(err, &errno):
		text = "can't be reached: " + errno.Error()
	case isEnd(err):
		text = "closed the connection"
	}
	return &Error{Reason: Unreachable, Err: errors.New(theProxy + " " + text), Hint: hintProxy}
}

// meaning says what a proxy's refusal means: its own troubles may pass, its
// rules don't.
func (e *proxyRefusal) meaning() *Error {
	told := &Error{Reason: Barred, Hint: hintProxyBars}
	text := "does not let us through to the org's host"
	switch {
	case e.status == http.StatusProxyAuthRequired && !e.takesBasic():
		text, told.Hint = "asks for a way to sign in that forcecred does not have", hintProxyScheme
	case e.status == http.StatusProxyAuthRequired && e.password:
		text, told.Hint = "does not accept the user or the password in it", hintProxyPassword
	case e.status == http.StatusProxyAuthRequired:
		text, told.Hint = "asks for a user and a password", hintProxyPassword
	case e.status >= 500 || e.status == http.StatusTooManyRequests:
		text, told.Reason, told.Hint = "can't reach the org's host", Unreachable, "check login_url, and the proxy"
	}
	told.Err = fmt.Errorf("%s %s", theProxy, text)
	if !e.socks {
		told.Err = fmt.Errorf("%w (HTTP %d)", told.Err, e.status)
	}
	return told
}

// takesBasic reports whether the proxy can be signed in to by what a URL holds. One
// that does not say which ways it knows may.
func (e *proxyRefusal) takesBasic() bool {
	ways := strings.Split(strings.Join(e.asked, ","), ",") // in one header or in several
	return len(e.asked) == 0 || slices.ContainsFunc(ways, func(way string) bool {
		scheme, _, _ := strings.Cut(strings.TrimSpace(way), " ")
		return strings.EqualFold(scheme, "Basic")
	})
}
