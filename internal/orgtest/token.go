package orgtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// token is the token endpoint.
func (o *Org) token(c call) answer {
	if c.Method != http.MethodPost || c.form == nil {
		return refuse("invalid-request")
	}
	switch c.form.Get("grant_type") {
	case "refresh_token":
		return o.refreshed(c)
	case authorizationCode:
		return o.redeem(c)
	case jwtBearer:
		return o.asJWTBearer(c)
	case clientCredentials:
		return o.asClient(c)
	}
	return refuse("unsupported-grant-type")
}

// refreshed answers a refresh.
func (o *Org) refreshed(c call) answer {
	if refusal, ok := o.authenticate(c); !ok {
		return refusal
	}
	token := c.form.Get("refresh_token")
	if !o.begin(token) {
		o.problem(c, "the refresh token is being processed for another request")
		if o.cfg.OldBusyText {
			return refuse("busy-old-text")
		}
		return refuse("busy")
	}
	if !o.pause(o.cfg.Delay) {
		panic(http.ErrAbortHandler)
	}
	a, committed := o.spend(c, token)
	a.done = func() { o.end(token) }
	if committed && o.cfg.OnCommit != nil {
		o.cfg.OnCommit()
	}
	return a
}

// authenticate checks the client's credentials in the form or in Basic authentication.
func (o *Org) authenticate(c call) (answer, bool) {
	id, secret := c.form.Get("client_id"), c.form.Get("client_secret")
	if basicID, basicSecret, ok := c.BasicAuth(); ok && id == "" {
		id, secret = basicID, basicSecret
	}
	switch {
	case id != o.cfg.ClientID:
		return refuse("invalid-client-id"), false
	case o.cfg.ClientSecret != "" && !hmac.Equal([]byte(secret), []byte(o.cfg.ClientSecret)):
		return refuse("invalid-client"), false
	}
	return answer{}, true
}

// begin marks a refresh token as busy, unless it is busy already. Since Summer '24 Salesforce
// rejects a second request with a busy token, with or without rotation.
func (o *Org) begin(token string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.busy[token] {
		return false
	}
	o.busy[token] = true
	return true
}

func (o *Org) end(token string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.busy, token)
}

// spend refreshes in one step. After it returns, only the new tokens are valid, whether or
// not the answer arrives.
func (o *Org) spend(c call, token string) (a answer, committed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	g, ok := o.refresh[token]
	if !ok {
		return refuse("expired-token"), false
	}
	if token != g.newest() {
		// The org can't distinguish the thief and the owner of a stolen token, so it revokes
		// both.
		o.note(c, "a rotated-out refresh token is spent")
		g.revoke()
	}
	if g.revoked {
		return refuse("expired-token"), false
	}
	o.commits++
	if o.cfg.Rotate {
		g.next()
	}
	fields := o.tokens(g, "")
	if o.cfg.Rotate {
		fields = append(fields, field{"refresh_token", g.newest()})
	}
	return answer{status: http.StatusOK, fields: fields}, true
}

// tokens returns the fields of a successful answer without the refresh token: all strings,
// no expires_in, and the login's nonce in the ID token, if there is one. It needs o.mu.
func (o *Org) tokens(g *Grant, nonce string) []field {
	now := o.now()
	s := o.session(g, now)
	issuedAt := strconv.FormatInt(now.UnixMilli(), 10)
	fields := []field{
		{"access_token", s.token},
		{"signature", o.sign(o.identityURL() + issuedAt)},
		{"scope", o.cfg.Scope},
	}
	if o.cfg.openID() {
		id := o.idToken(now, nonce)
		o.idTokens = append(o.idTokens, id)
		fields = append(fields, field{"id_token", id})
	}
	fields = append(fields,
		field{"instance_url", o.instanceURL()},
		field{"id", o.identityURL()},
		field{"token_type", "Bearer"},
		field{"issued_at", issuedAt},
	)
	if o.cfg.Site != "" {
		url, id := "sfdc_site_url", "sfdc_site_id"
		if o.cfg.OldSiteNames {
			url, id = "sfdc_community_url", "sfdc_community_id"
		}
		fields = append(fields, field{url, o.URL + o.cfg.Site}, field{id, "0DB000000000001"})
	}
	if o.cfg.JWT {
		fields = append(fields, field{"token_format", "jwt"}, field{"api_instance_url", "https://api.salesforce.com"})
	}
	return fields
}

// session returns the session for the answer to a refresh. It needs o.mu.
func (o *Org) session(g *Grant, now time.Time) *session {
	if n := len(g.sessions); o.cfg.SameToken && n > 0 && g.sessions[n-1].alive(now) {
		return g.sessions[n-1]
	}
	s := &session{grant: g, issued: now, expires: now.Add(o.cfg.SessionLength)}
	if o.cfg.JWT {
		s.token = o.accessToken(s)
	} else {
		s.token = fmt.Sprintf("%s!test_access_token_%04d_%s", o.cfg.OrgID[:15], len(o.access)+1, random(16))
	}
	g.sessions = append(g.sessions, s)
	o.access[s.token] = s
	return s
}

// sign returns an answer's signature, with the app's secret as the key. The app of a public
// client has a secret as well, which the client does not know.
func (o *Org) sign(text string) string {
	key := o.cfg.ClientSecret
	if key == "" {
		key = "the secret of an app whose clients have none"
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
