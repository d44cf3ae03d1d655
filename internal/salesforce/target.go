package salesforce

import (
	"cmp"
	"strings"
)

const (
	productionURL = DefaultLoginURL
	sandboxURL    = "https://test.salesforce.com"
)

// Target is where an assertion goes, and whom it is for. The zero value is none.
type Target struct {
	Host     Host
	Audience string // an https URL
}

// Targets returns where the grant's assertion may be taken, in the order in which
// they are tried: where the last one was, then the hosts and audiences that the
// Salesforce CLI tries, in its order. A sandbox's org may want test.salesforce.com as the
// audience, and nothing in a login URL tells. With Audience there is one target.
//
// An assertion for a host of the user's choice goes to no other.
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
			continue // neither takes the other's
		}
		if host, ok := g.hostAt(pair[0]); ok {
			add(Target{host, pair[1]})
		}
	}
	return all
}

// loginAt returns the grant's login, or the one of another host of Salesforce's.
func (g JWTGrant) hostAt(url string) (Host, bool) {
	if url == g.Host.URL()+g.Host.Site() {
		return g.Host, true
	}
	if g.Host.allowHost || isLoopback(g.Host.origin) {
		return Host{}, false
	}
	host, err := ParseHost(url, "", false)
	return host, err == nil
}
