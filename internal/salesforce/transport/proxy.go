package transport

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
	"forcecred/protocol/remedy"

	"golang.org/x/net/http/httpproxy"
)

// A proxy's URL may have a password. Its host or port may be a part of a password that
// was not escaped. So errors name the variable and quote nothing of it.
const theProxy = "the proxy in HTTPS_PROXY"

// CheckProxy checks a setting of HTTPS_PROXY: the URL of an HTTP or SOCKS5 proxy, or
// the host and port of an HTTP proxy. The standard library ignores any other setting
// and connects without a proxy. The error does not quote the setting.
func CheckProxy(setting string) error {
	if !strings.Contains(setting, "://") {
		setting = "http://" + setting
	}
	u, err := url.Parse(setting)
	// Text after the host is most likely a part of a password whose beginning was read
	// as the host.
	hasMore := err == nil && (strings.Trim(u.Path, "/") != "" || strings.ContainsAny(setting, "?#"))
	if err != nil || hasMore || u.Hostname() == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return errors.New("it is not the URL of a proxy, such as http://USER:PASSWORD@HOST:PORT with special characters as %XX")
	}
	if !isProxyHost(u.Hostname()) {
		return errors.New("it is not the URL of a proxy: its host is neither a name of ASCII letters, digits, dots and hyphens nor an IP address")
	}
	return nil
}

// isProxyHost reports whether name may be the host of a proxy, to which the proxy's
// password is sent. In addition to [origin.IsHostname] it allows underscores, as in the
// names of Windows machines, a dot at the end, which disables search lists, and the
// zone of a link-local address.
func isProxyHost(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	name = strings.TrimSuffix(strings.ReplaceAll(name, "_", "x"), ".")
	return origin.IsHostname(name)
}

// Proxy is the proxy of all requests. The zero value is none.
type Proxy struct {
	URL     string // a setting that [CheckProxy] accepts, or ""
	NoProxy string // the hosts to connect to without it; see [SplitNoProxy]
}

// choose returns the function that chooses the proxy of a request, or nil for none.
// Requests to loopback use no proxy.
func (p Proxy) choose() func(*http.Request) (*url.URL, error) {
	entries, _ := SplitNoProxy(p.NoProxy)
	choose := (&httpproxy.Config{HTTPSProxy: p.URL, NoProxy: strings.Join(entries, ",")}).ProxyFunc()
	return func(req *http.Request) (*url.URL, error) {
		t := traceOf(req.Context())
		proxy, err := choose(t.to) // req's own URL lacks the port, which NO_PROXY may name
		t.setProxy(proxy)
		return proxy, err
	}
}

// ProxyRefusal is a proxy's answer to CONNECT other than 200. For a SOCKS proxy it has
// the HTTP status with the same meaning.
type ProxyRefusal struct {
	Status      int
	Schemes     []string // the Proxy-Authenticate headers of status 407
	HasPassword bool     // the proxy's URL has a password
	IsSOCKS     bool
}

func (r *ProxyRefusal) Error() string { return fmt.Sprintf("status %d to CONNECT", r.Status) }

// checkConnectResponse refuses an answer to CONNECT other than 200. The transport's own
// error would quote the status line, whose text the proxy chooses.
func checkConnectResponse(ctx context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return &ProxyRefusal{Status: resp.StatusCode, Schemes: resp.Header.Values("Proxy-Authenticate"), HasPassword: proxy.User != nil}
	}
	traceOf(ctx).reach(Handshake)
	return nil
}

// OpSOCKS is the standard library's Op of a [net.OpError] of a SOCKS proxy.
const OpSOCKS = "socks connect"

// socksRefusal returns the refusal of a SOCKS proxy, or nil. The standard library has
// texts for it, and no types.
func socksRefusal(fault string, proxy *url.URL) *ProxyRefusal {
	refusal := &ProxyRefusal{Status: http.StatusProxyAuthRequired, HasPassword: proxy.User != nil, IsSOCKS: true}
	switch {
	case strings.Contains(fault, "username/password"):
	case fault == "no acceptable authentication methods":
		if refusal.HasPassword {
			refusal.Schemes = []string{"another one"}
		}
	case strings.Contains(fault, "not allowed by ruleset"):
		refusal.Status = http.StatusForbidden
	case strings.HasPrefix(fault, "unknown error "):
		refusal.Status = http.StatusBadGateway
	default:
		return nil
	}
	return refusal
}

// proxyError returns the error of a request that did not get through its proxy.
func proxyError(err error, proxy *url.URL) *Error {
	if refusal := (*ProxyRefusal)(nil); errors.As(err, &refusal) {
		return refusal.asError()
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
	if errors.As(err, &op) && op.Op == OpSOCKS {
		if refusal := socksRefusal(op.Err.Error(), proxy); refusal != nil {
			return refusal.asError()
		}
		text = "does not speak SOCKS5"
	}
	switch {
	case errors.As(err, &dns):
		text = "is unreachable: " + dns.Err // such as: no such host
	case isTimeout(err):
		text = "does not answer"
	case errors.As(err, &errno):
		text = "is unreachable: " + errno.Error()
	case isEOF(err):
		text = "closed the connection"
	}
	return &Error{Reason: Unreachable, Err: errors.New(theProxy + " " + text), Remedy: remedy.To("check_proxy")}
}

// asError classifies the refusal. A fault of the proxy may pass; its rules stay.
func (r *ProxyRefusal) asError() *Error {
	e := &Error{Reason: Blocked, Remedy: remedy.To("open_proxy")}
	text := "does not allow connections to the org's host"
	switch {
	case r.Status == http.StatusProxyAuthRequired && !r.allowsBasic():
		text, e.Remedy = "requires an authentication scheme that forcecred does not support", remedy.To("chain_proxy")
	case r.Status == http.StatusProxyAuthRequired && r.HasPassword:
		text, e.Remedy = "does not accept the user name or the password in it", remedy.To("give_proxy_password")
	case r.Status == http.StatusProxyAuthRequired:
		text, e.Remedy = "requires a user name and a password", remedy.To("give_proxy_password")
	case r.Status >= 500 || r.Status == http.StatusTooManyRequests:
		text, e.Reason, e.Remedy = "cannot reach the org's host", Unreachable, remedy.To("check_host_and_proxy")
	}
	e.Err = fmt.Errorf("%s %s", theProxy, text)
	if !r.IsSOCKS {
		e.Err = fmt.Errorf("%w (HTTP %d)", e.Err, r.Status)
	}
	return e
}

// allowsBasic reports whether the proxy may accept a user name and a password. A proxy
// that names no scheme may.
func (r *ProxyRefusal) allowsBasic() bool {
	challenges := strings.Split(strings.Join(r.Schemes, ","), ",") // of one header or several
	return len(r.Schemes) == 0 || slices.ContainsFunc(challenges, func(challenge string) bool {
		scheme, _, _ := strings.Cut(strings.TrimSpace(challenge), " ")
		return strings.EqualFold(scheme, "Basic")
	})
}
