package orgtest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Grant is the grant of one login: a refresh token, its successors if the org rotates, and
// their sessions. Revoke ends all of them.
type Grant struct {
	org    *Org
	number int // from 1

	// Guarded by org.mu.
	refresh  []string // newest last; only the newest is valid
	sessions []*session
	revoked  bool
}

// session is the session of an access token.
type session struct {
	grant   *Grant
	token   string
	issued  time.Time
	expires time.Time
	ended   bool
}

// NewGrant logs the user in again. Earlier grants stay valid.
func (o *Org) NewGrant() *Grant {
	o.mu.Lock()
	defer o.mu.Unlock()
	g := &Grant{org: o, number: len(o.grants) + 1}
	o.grants = append(o.grants, g)
	g.next()
	return g
}

// Grant returns the latest login.
func (o *Org) Grant() *Grant {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.grants[len(o.grants)-1]
}

// RefreshToken returns the latest login's newest refresh token.
func (o *Org) RefreshToken() string { return o.Grant().RefreshToken() }

// AccessToken returns the latest login's newest access token, "" before its first refresh.
func (o *Org) AccessToken() string { return o.Grant().AccessToken() }

// Alive reports whether the latest login's newest refresh token is valid.
func (o *Org) Alive() bool { return o.Grant().Alive() }

// Revoke revokes the latest login, as an admin does.
func (o *Org) Revoke() { o.Grant().Revoke() }

// StartRotating makes each later refresh issue the next refresh token: an admin has changed
// the app's policy.
func (o *Org) StartRotating() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cfg.Rotate = true
}

// ExpireSessions ends all sessions: access tokens expire, refresh tokens stay valid.
func (o *Org) ExpireSessions() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.access {
		s.ended = true
	}
}

// Commits returns the number of refreshes that the org granted. The org commits a refresh
// before it sends the answer, whether or not the answer arrives.
func (o *Org) Commits() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.commits
}

// RefreshToken returns the newest refresh token, valid or not.
func (g *Grant) RefreshToken() string {
	g.org.mu.Lock()
	defer g.org.mu.Unlock()
	return g.newest()
}

// History returns all issued refresh tokens, the newest last.
func (g *Grant) History() []string {
	g.org.mu.Lock()
	defer g.org.mu.Unlock()
	return slices.Clone(g.refresh)
}

// AccessToken returns the newest access token, "" before the first refresh.
func (g *Grant) AccessToken() string {
	g.org.mu.Lock()
	defer g.org.mu.Unlock()
	if len(g.sessions) == 0 {
		return ""
	}
	return g.sessions[len(g.sessions)-1].token
}

// Alive reports whether the newest refresh token is valid.
func (g *Grant) Alive() bool {
	g.org.mu.Lock()
	defer g.org.mu.Unlock()
	return !g.revoked
}

// Revoke revokes the refresh token and all sessions.
func (g *Grant) Revoke() {
	g.org.mu.Lock()
	defer g.org.mu.Unlock()
	g.revoke()
}

// String identifies a grant of an org without a secret.
func (g *Grant) String() string { return fmt.Sprintf("grant %d of %v", g.number, g.org) }

// GoString is String: %#v must not print the secrets either.
func (g *Grant) GoString() string { return g.String() }

// newest, next and revoke need org.mu.
func (g *Grant) newest() string { return g.refresh[len(g.refresh)-1] }

func (g *Grant) next() {
	token := fmt.Sprintf("5Aep861.test-refresh-token-%04d-%s", len(g.refresh)+1, random(16))
	if len(g.refresh) > 0 {
		token += strings.Repeat("x", g.org.cfg.LongTokens)
	}
	g.refresh = append(g.refresh, token)
	g.org.refresh[token] = g
}

func (g *Grant) revoke() {
	g.revoked = true
	for _, s := range g.sessions {
		s.ended = true
	}
}

// alive reports whether the session's access token is valid. It needs org.mu.
func (s *session) alive(now time.Time) bool { return !s.ended && now.Before(s.expires) }

// use returns the valid session of an access token, or false. The session length counts
// from the last use, but Salesforce records a use only after half of it has passed. A JWT
// has its own expiry.
func (o *Org) use(token string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	s, ok := o.access[token]
	now := o.now()
	if !ok || !s.alive(now) {
		return false
	}
	if end := now.Add(o.cfg.SessionLength); !o.cfg.JWT && end.Sub(s.expires) > o.cfg.SessionLength/2 {
		s.expires = end
	}
	return true
}
