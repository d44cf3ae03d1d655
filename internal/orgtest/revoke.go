package orgtest

import "net/http"

// revoke is the revocation endpoint (RFC 7009). It revokes an access token alone, or a
// refresh token with all its sessions.
func (o *Org) revoke(c call) answer {
	token := c.URL.Query().Get("token")
	if c.form != nil {
		token = c.form.Get("token")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if s, ok := o.access[token]; ok && s.alive(o.now()) {
		s.ended = true
		return answer{status: http.StatusOK}
	}
	if g, ok := o.refresh[token]; ok && !g.revoked && token == g.newest() {
		g.revoke()
		return answer{status: http.StatusOK}
	}
	return refuse("invalid-token")
}
