// Package salesforce sends requests to Salesforce's OAuth endpoints, and classifies their answers.
package salesforce

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"forcecred/internal/origin"
)

// DefaultLoginURL is the login URL of production orgs. Sandboxes use
// https://test.salesforce.com, and each org has its own My Domain host.
const DefaultLoginURL = "https://login.salesforce.com"

// Host is where an org's tokens are requested: the base of its OAuth endpoints.
// [ParseHost] returns one. The zero value is no host.
type Host struct {
	origin    origin.Origin
	site      string // "" or the path of an Experience Cloud site: /partners
	allowHost bool   // the user allowed a host that is not Salesforce's
}

// salesforceDomains are the domains in which only Salesforce assigns names. The list is
// the allow-list of the Salesforce CLI.
var salesforceDomains = []string{
	"salesforce.com",
	"force.com",
	"cloudforce.com",
	"my.site.com",
	"my-salesforce.com",
	"salesforce.mil",
	"crmforce.mil",
	"sfcrmproducts.cn",
}

// ParseHost checks a host before any secret is sent there. loginURL is an https URL of a
// Salesforce host, of loopback or, with allowHost, of any host. site is "" or the path of
// an Experience Cloud site (/partners). The errors do not quote the input.
func ParseHost(loginURL, site string, allowHost bool) (Host, error) {
	o, err := parseLoginURL(loginURL, allowHost)
	if err != nil {
		return Host{}, fmt.Errorf("login_url %w", err)
	}
	site = strings.TrimSuffix(site, "/")
	if err := checkSite(site); err != nil {
		return Host{}, fmt.Errorf("site %w", err)
	}
	return Host{origin: o, site: site, allowHost: allowHost}, nil
}

func parseLoginURL(raw string, allowHost bool) (origin.Origin, error) {
	if page, err := origin.Parse(raw); err == nil { // a URL from the browser has a path
		if err := checkPageHost(page); err != nil {
			return "", err
		}
	}
	o, err := origin.ParseBase(raw)
	switch {
	case errors.Is(err, origin.ErrPath):
		return "", fmt.Errorf("%w; give only the host, and the path of an Experience Cloud site as site", err)
	case err != nil && !strings.HasPrefix(strings.ToLower(raw), "https://"):
		return "", fmt.Errorf("%w such as https://NAME.my.salesforce.com", err)
	case err != nil:
		return "", err
	}
	err = checkHost(o, allowHost || isLoopback(o))
	if errors.Is(err, errNotSalesforce) {
		err = fmt.Errorf("%w; if it is the org's own, allow it with allow_host", err)
	}
	return o, err
}

// URL returns the login URL in its normal form: https, lower case, no trailing slash.
func (h Host) URL() string { return string(h.origin) }

// Site returns the path of the Experience Cloud site, "" or /partners.
func (h Host) Site() string { return h.site }

// Endpoint returns the URL of an OAuth endpoint, such as token, introspect or revoke.
func (h Host) Endpoint(name string) string {
	return h.URL() + h.site + "/services/oauth2/" + name
}

// InstanceURL checks a URL in an answer of the host, to which callers send the access
// token. It returns the URL in the form of [Host.URL]. The errors do not quote the input.
func (h Host) InstanceURL(raw string) (string, error) {
	o, err := origin.ParseBase(raw)
	if err == nil {
		err = checkHost(o, h.trusts(o))
	}
	if err != nil {
		return "", err
	}
	return string(o), nil
}

// MaySendTo reports whether a secret that was given for this host, such as the app's, may
// be sent to another one: to a Salesforce host, or to one that this host trusts.
func (h Host) MaySendTo(other Host) bool {
	return checkHost(other.origin, h.trusts(other.origin)) == nil
}

// mayVisit reports whether raw is a URL, with its path, at a host to which the org's tokens
// may go.
func (h Host) mayVisit(raw string) bool {
	o, err := origin.Parse(raw)
	return err == nil && checkHost(o, h.trusts(o)) == nil
}

// trusts reports whether the org's tokens may go to a host that is not Salesforce's.
// Loopback trusts loopback. With allowHost, a host trusts itself and the names below it.
// The port does not matter, because a certificate is not bound to a port.
func (h Host) trusts(o origin.Origin) bool {
	if isLoopback(h.origin) && isLoopback(o) {
		return true
	}
	own, name := h.origin.Hostname(), o.Hostname()
	return h.allowHost && (name == own || strings.HasSuffix(name, "."+own))
}

var errNotSalesforce = errors.New("does not name a Salesforce host")

// checkHost refuses an origin that is neither trusted nor a Salesforce host on the
// https port.
func checkHost(o origin.Origin, trusted bool) error {
	switch {
	case trusted:
		return nil
	case !isSalesforce(o.Hostname()):
		return errNotSalesforce
	case o.Port() != "":
		return errors.New("has a port")
	}
	return nil
}

func isSalesforce(name string) bool {
	for _, domain := range salesforceDomains {
		if strings.HasSuffix(name, "."+domain) {
			return true
		}
	}
	return false
}

// pageDomains are the domains of hosts that serve an org's pages and no OAuth. People
// copy them from their browser.
var pageDomains = []struct{ domain, pages string }{
	{"lightning.force.com", "Lightning"},
	{"lightning.crmforce.mil", "Lightning"},
	{"my.salesforce-setup.com", "Setup"},
	{"vf.force.com", "Visualforce"},
}

// checkPageHost refuses a host that serves an org's pages.
func checkPageHost(o origin.Origin) error {
	for _, d := range pageDomains {
		if strings.HasSuffix(o.Hostname(), "."+d.domain) {
			return fmt.Errorf("names a %s page host; use the org's My Domain, https://NAME.my.salesforce.com", d.pages)
		}
	}
	return nil
}

func isLoopback(o origin.Origin) bool {
	name := o.Hostname()
	if name == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.IsLoopback()
}

func isLabelByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

const maxSiteLength = 255

func checkSite(site string) error {
	if site == "" {
		return nil
	}
	if len(site) > maxSiteLength {
		return fmt.Errorf("is longer than %d characters", maxSiteLength)
	}
	if site[0] != '/' {
		return errors.New("does not begin with a slash")
	}
	for segment := range strings.SplitSeq(site[1:], "/") {
		if segment == "" || strings.Trim(segment, ".") == "" || !only(segment, isPathByte) {
			return errors.New("is not the path of an Experience Cloud site, such as /partners")
		}
	}
	return nil
}

func isPathByte(c byte) bool {
	return isLabelByte(c) || 'A' <= c && c <= 'Z' || c == '.' || c == '~'
}

func only(s string, allowed func(byte) bool) bool {
	for _, c := range []byte(s) {
		if !allowed(c) {
			return false
		}
	}
	return true
}
