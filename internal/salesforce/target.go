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
	Login    Login
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
		return []Target{{g.Login, g.Audience}}
	}
	own := g.Login.URL() + g.Login.Site()
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
		if login, ok := g.loginAt(pair[0]); ok {
			add(Target{login, pair[1]})
		}
	}
	return all
}

// loginAt returns the grant's login, or the one of another host of Salesforce's.
func (g JWTGrant) loginAt(url string) (Login, bool) {
	if url == g.Login.URL()+g.Login.Site() {
		return g.Login, true
	}
	if g.Login.allowHost || isLoopback(g.Login.place) {
		return Login{}, false
	}
	login, err := ParseLogin(url, "", false)
	return login, err == nil
}
