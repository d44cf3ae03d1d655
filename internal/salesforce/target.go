package salesforce

import (
	"cmp"
	"strings"
)

const (
	productionURL = DefaultLoginURL
	sandboxURL    = "https://test.salesforce.com"
)

// Target is the host that an assertion is sent to, and the assertion's audience. The
// zero value is no target.
type Target struct {
	Host     Host
	Audience string // an https URL
}

// Targets returns the targets that may accept the grant's assertion, in the order of the
// requests: the one that accepted the last assertion, then those of the Salesforce CLI in
// its order. A sandbox may require test.salesforce.com as audience, and its login URL
// does not show that. With Audience there is one target.
//
// An assertion for a host that only the user trusts is sent to no other.
func (g JWTGrant) Targets() []Target {
	if g.Audience != "" {
		return []Target{{g.Host, g.Audience}}
	}
	own := g.Host.URL() + g.Host.Site()
	named := cmp.Or(strings.TrimSuffix(g.AudienceURL, "/"), productionURL)
	var all []Target
	seen := map[Target]bool{{}: true}
	add := func(t Target) {
		if !seen[t] {
			seen[t] = true
			all = append(all, t)
		}
	}
	add(g.Accepted)
	for _, pair := range [][2]string{ // login URL, audience
		{own, own}, {sandboxURL, sandboxURL}, {productionURL, productionURL}, {named, named}, {named, productionURL}, {named, sandboxURL},
		{own, named}, {own, productionURL}, {own, sandboxURL}, {productionURL, named}, {sandboxURL, named},
	} {
		if pair == [2]string{productionURL, sandboxURL} || pair == [2]string{sandboxURL, productionURL} {
			continue // neither accepts the other's audience
		}
		if host, ok := g.hostAt(pair[0]); ok {
			add(Target{host, pair[1]})
		}
	}
	return all
}

// hostAt returns the grant's host, or another Salesforce host. Loopback is none: whoever
// listens there would get an assertion for Salesforce.
func (g JWTGrant) hostAt(url string) (Host, bool) {
	if url == g.Host.URL()+g.Host.Site() {
		return g.Host, true
	}
	if g.Host.allowHost || isLoopback(g.Host.origin) {
		return Host{}, false
	}
	host, err := ParseHost(url, "", false)
	return host, err == nil && !isLoopback(host.origin)
}
