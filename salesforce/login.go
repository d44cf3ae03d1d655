// Package salesforce is a client of Salesforce's OAuth endpoints that knows what their answers mean.
package salesforce

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"forcecred/protocol/origin"
)

// DefaultLoginURL is where users of production orgs log in. Sandboxes use
// https://test.salesforce.com, and any org has a My Domain host of its own.
const DefaultLoginURL = "https://login.salesforce.com"

// Login is a place where the users of an org log in, the base of its OAuth
// endpoints. The zero value is none; [ParseLogin] makes one.
type Login struct {
	host      string // with a port, if any
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
	"my.salesforce.mil",
	"crmforce.mil",
	"sfcrmproducts.cn",
}

// ParseLogin checks where an org's users log in, before any secret is sent there:
// loginURL is https and names a host of Salesforce's, or loopback, or, when
// allowHost, any host; site is "" or the path of an Experience Cloud site (/partners).
// The errors name the fault and don't quote the input.
func ParseLogin(loginURL, site string, allowHost bool) (Login, error) {
	host, err := parseHost(loginURL, allowHost, true)
	if err != nil {
		return Login{}, fmt.Errorf("login_url %w", err)
	}
	if err := checkLightning(host); err != nil {
		return Login{}, fmt.Errorf("login_url %w", err)
	}
	site = strings.TrimSuffix(site, "/")
	if err := checkSite(site); err != nil {
		return Login{}, fmt.Errorf("site %w", err)
	}
	return Login{host: host, site: site, allowHost: allowHost}, nil
}

// URL returns the login URL in its one spelling: https, lower case, no slash at the end.
func (l Login) URL() string { return "https://" + l.host }

// Site returns the path of the Experience Cloud site, "" or /partners.
func (l Login) Site() string { return l.site }

// Endpoint returns the URL of one of the OAuth endpoints: token, introspect, revoke.
func (l Login) Endpoint(name string) string {
	return l.URL() + l.site + "/services/oauth2/" + name
}

// instanceURL checks a URL that the login host answered with, where callers
// will send the access token. It returns it without trailing slash.
func (l Login) instanceURL(raw string) (string, error) {
	// An org that logs in on loopback or on a host of the user's choice is not
	// at Salesforce, and neither is its instance.
	trusted := l.allowHost || isLoopback(hostname(l.host))
	if _, err := parseHost(raw, trusted, trusted); err != nil {
		return "", err
	}
	return strings.TrimSuffix(raw, "/"), nil
}

// parseHost returns the host and port of an https URL that holds nothing else.
func parseHost(raw string, allowAny, allowLoopback bool) (string, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || strings.TrimSpace(raw) != raw:
		return "", errors.New("is not a URL")
	case u.Scheme != "https":
		return "", errors.New("is not an https URL")
	case u.User != nil:
		return "", errors.New("has a user or password in it")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(raw, "#"):
		return "", errors.New("has a query or a fragment")
	case u.Path != "" && u.Path != "/":
		return "", errors.New("has a path")
	}
	name, port := strings.ToLower(u.Hostname()), u.Port()
	switch {
	case !origin.IsHostname(name):
		return "", errors.New("has no valid host name")
	case strings.HasSuffix(u.Host, ":"):
		return "", errors.New("has a colon but no port")
	case allowAny || allowLoopback && isLoopback(name):
		return strings.ToLower(u.Host), nil
	case !isSalesforce(name):
		return "", errors.New("does not name a host of Salesforce's")
	case port != "":
		return "", errors.New("has a port")
	}
	return name, nil
}

func isSalesforce(name string) bool {
	for _, domain := range salesforceDomains {
		if strings.HasSuffix(name, "."+domain) {
			return true
		}
	}
	return false
}

// checkLightning refuses the host that people copy from their browser: it
// serves pages, and no OAuth.
func checkLightning(host string) error {
	if strings.HasSuffix(host, ".lightning.force.com") || strings.HasSuffix(host, ".lightning.crmforce.mil") {
		return errors.New("names a Lightning page host; use the org's My Domain, https://NAME.my.salesforce.com")
	}
	return nil
}

func isLoopback(name string) bool {
	if name == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.IsLoopback()
}

// hostname returns the host of a host and port, without the brackets of IPv6.
func hostname(host string) string {
	return (&url.URL{Host: host}).Hostname()
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
