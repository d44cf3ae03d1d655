package orgtest

import "net/http"

// introspect is the introspection endpoint (RFC 7662), the only one that returns a session's
// expiry, in seconds. A client needs its client secret.
func (o *Org) introspect(c call) answer {
	if c.Method != http.MethodPost || c.form == nil {
		return refuse("invalid-request")
	}
	if o.cfg.ClientSecret == "" {
		return refuse("invalid-client-401")
	}
	if refusal, ok := o.authenticate(c); !ok {
		refusal.status = http.StatusUnauthorized // RFC 7662, section 2.3
		return refusal
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	token := c.form.Get("token")
	if s, ok := o.access[token]; ok && s.alive(o.now()) {
		issued := s.issued.Unix()
		return o.active("access_token", field{"exp", s.expires.Unix()}, field{"iat", issued}, field{"nbf", issued})
	}
	if g, ok := o.refresh[token]; ok && !g.revoked && token == g.newest() {
		// A refresh token is valid until it is revoked, so it has no exp.
		return o.active("refresh_token")
	}
	return answer{status: http.StatusOK, fields: []field{{"active", false}}}
}

func (o *Org) active(tokenType string, times ...field) answer {
	return answer{status: http.StatusOK, fields: append([]field{
		{"active", true},
		{"scope", o.cfg.Scope},
		{"client_id", o.cfg.ClientID},
		{"username", o.cfg.Username},
		{"sub", o.identityURL()},
		{"token_type", tokenType},
	}, times...)}
}
