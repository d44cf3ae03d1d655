// Package salesforce is a client of Salesforce's OAuth endpoints that knows what their answers mean.
package salesforce

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"forcecred/internal/origin"
)

// DefaultLoginURL is where users of production orgs log in. Sandboxes use
// https://test.salesforce.com, and any org has a My Domain host of its own.
const DefaultLoginURL = "https://login.salesforce.com"

// Host is a place where the users of an org log in, the base of its OAuth
// endpoints. The zero value is none; [ParseHost] makes one.
type Host struct {
	origin    origin.Origin
	site      string
	allowHost bool
}

// salesforceDomains are the domains below which Salesforce alone hands out
// names, from the allow-list of its own CLI.
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

// ParseHost checks where an org's users log in, before any secret is sent there:
// loginURL is https and names a host of Salesforce's, or loopback, or, if
// allowHost, any host; site is "" or the path of an Experience Cloud site (/partners).
// The errors name the fault and don't quote the input.
func ParseHost(loginURL, site string, allowHost bool) (Host, error) {
	place, err := parseLoginURL(loginURL, allowHost)
	if err != nil {
		return Host{}, fmt.Errorf("login_url %w", err)
	}
	site = strings.TrimSuffix(site, "/")
	if err := checkSite(site); err != nil {
		return Host{}, fmt.Errorf("site %w", err)
	}
	return Host{origin: place, site: site, allowHost: allowHost}, nil
}

func parseLoginURL(raw string, allowHost bool) (origin.Origin, error) {
	if page, err := origin.Parse(raw); err == nil { // with the path that the browser shows
		if err := checkPageHost(page); err != nil {
			return "", err
		}
	}
	place, err := origin.ParseBase(raw)
	switch {
	case errors.Is(err, origin.ErrPath):
		return "", fmt.Errorf("%w; it is the host alone, and the path of an Experience Cloud site is given as site", err)
	case err != nil:
		return "", err
	}
	return place, checkHost(place, allowHost || isLoopback(place))
}

// URL returns the login URL in its normal form: https, lower case, no slash at the end.
func (h Host) URL() string { return string(h.origin) }

// Site returns the path of the Experience Cloud site, "" or /partners.
func (h Host) Site() string { return h.site }

// Endpoint returns the URL of one of the OAuth endpoints: token, introspect, revoke.
func (h Host) Endpoint(name string) string {
	return h.URL() + h.site + "/services/oauth2/" + name
}

// InstanceURL checks a URL that the login host answered with, to which callers
// send the access token. It returns the URL in the form of [Host.URL]. The
// errors name the fault and don't quote the input.
func (h Host) InstanceURL(raw string) (string, error) {
	place, err := origin.ParseBase(raw)
	if err == nil {
		err = checkHost(place, h.trusts(place))
	}
	if err != nil {
		return "", err
	}
	return string(place), nil
}

// isSite reports whether raw is the URL of an Experience Cloud site, path
// included, at a host to which the login's tokens may go.
func (h Host) isSite(raw string) bool {
	place, err := origin.Parse(raw)
	return err == nil && checkHost(place, h.trusts(place)) == nil
}

// trusts reports whether the login's tokens may go to a place that is not one of
// Salesforce's. A login on loopback trusts loopback. With allowHost, a login
// trusts its own host and the names below it. Neither trust depends on a port,
// because a certificate does not either.
func (h Host) trusts(place origin.Origin) bool {
	if isLoopback(h.origin) && isLoopback(place) {
		return true
	}
	own, name := h.origin.Hostname(), place.Hostname()
	return h.allowHost && (name == own || strings.HasSuffix(name, "."+own))
}

// checkHost refuses a place that is neither trusted nor a host of Salesforce's on
// the port of https.
func checkHost(place origin.Origin, trusted bool) error {
	switch {
	case trusted:
		return nil
	case !isSalesforce(place.Hostname()):
		return errors.New("does not name a host of Salesforce's")
	case place.Port() != "":
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

// pageDomains are those of the hosts that serve an org's pages, and no OAuth: what
// people copy from their browser.
var pageDomains = []struct{ domain, pages string }{
	{"lightning.force.com", "Lightning"},
	{"lightning.crmforce.mil", "Lightning"},
	{"my.salesforce-setup.com", "Setup"},
	{"vf.force.com", "Visualforce"},
}

// checkPageHost refuses a host that serves an org's pages.
func checkPageHost(place origin.Origin) error {
	for _, d := range pageDomains {
		if strings.HasSuffix(place.Hostname(), "."+d.domain) {
			return fmt.Errorf("names a %s page host; use the org's My Domain, https://NAME.my.salesforce.com", d.pages)
		}
	}
	return nil
}

func isLoopback(place origin.Origin) bool {
	name := place.Hostname()
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
