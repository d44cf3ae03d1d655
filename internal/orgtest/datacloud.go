package orgtest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// tenantToken is a token of the org's Data Cloud tenant. It has its own expiry, apart from
// the session's.
type tenantToken struct {
	token   string
	expires time.Time
	revoked bool
}

// The parameters of the exchange, and the type of the issued token.
const (
	dataCloudGrant    = "urn:salesforce:grant-type:external:cdp"
	accessTokenType   = "urn:ietf:params:oauth:token-type:access_token"
	issuedTokenType   = "urn:ietf:params:oauth:token-type:jwt"
	dataCloudScopes   = "cdp_"
	loginPageOfTenant = `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://www.w3.org/TR/html4/loose.dtd">
<html><head><script>
function redirectOnLoad() { window.location.replace('https://login.salesforce.com/?ec=302&startURL=%2Fservices%2Fa360%2Ftoken'); }
redirectOnLoad();
</script></head></html>`
)

// exchangeDataCloud is the endpoint that exchanges an access token of the org for one of
// the tenant. An invalid token gets the page that redirects a browser to the login, with
// status 200, because this is a page of the org and no OAuth endpoint.
func (o *Org) exchangeDataCloud(c call) answer {
	switch {
	case !o.cfg.DataCloud:
		return notThere()
	case c.Method != http.MethodPost || c.form == nil:
		return refuse("invalid-request")
	case c.form.Get("grant_type") != dataCloudGrant:
		return refuse("unsupported-grant-type")
	case c.form.Get("subject_token_type") != accessTokenType:
		return refuse("unsupported-token-type")
	case !o.use(c.form.Get("subject_token")):
		return answer{status: http.StatusOK, body: []byte(loginPageOfTenant), header: http.Header{"Content-Type": {"text/html;charset=UTF-8"}}}
	case !slices.ContainsFunc(strings.Fields(o.cfg.Scope), func(s string) bool { return strings.HasPrefix(s, dataCloudScopes) }):
		return refuse("invalid-scope")
	case o.cfg.DataCloudOutsider:
		return refuse("access-denied")
	}
	t := o.issueTenantToken()
	fields := []field{
		{"access_token", t.token},
		{"instance_url", o.tenantURL()},
		{"token_type", "Bearer"},
		{"issued_token_type", issuedTokenType},
	}
	if !o.cfg.DataCloudSilent {
		fields = append(fields, field{"expires_in", int64(o.cfg.DataCloudLength / time.Second)})
	}
	return answer{status: http.StatusOK, fields: fields}
}

func (o *Org) issueTenantToken() *tenantToken {
	now := o.now()
	t := &tenantToken{expires: now.Add(o.cfg.DataCloudLength)}
	t.token = signJWT(
		field{"iss", o.URL},
		field{"sub", o.identityURL()},
		field{"aud", "api/tenant/test"},
		field{"audienceTenantId", "a360/test/" + random(8)},
		field{"iat", now.Unix()},
		field{"exp", t.expires.Unix()},
		field{"jti", random(16)},
	)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tenant = append(o.tenant, t)
	return t
}

// tenantURL is the instance_url of the answer: a host without a scheme.
func (o *Org) tenantURL() string {
	if o.cfg.DataCloudURL != "" {
		return o.cfg.DataCloudURL
	}
	return strings.TrimPrefix(o.URL, "https://")
}

// DataCloudToken returns the newest token of the tenant, "" before the first.
func (o *Org) DataCloudToken() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.tenant) == 0 {
		return ""
	}
	return o.tenant[len(o.tenant)-1].token
}

// DataCloudTakes reports whether the tenant accepts the token.
func (o *Org) DataCloudTakes(token string) bool {
	now := o.now()
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.tenant, func(t *tenantToken) bool { return t.token == token && !t.revoked && now.Before(t.expires) })
}

// revokeDataCloud revokes a token of the tenant. The caller needs a valid token. An unknown
// token counts as revoked.
func (o *Org) revokeDataCloud(c call) answer {
	switch {
	case !o.cfg.DataCloud:
		return notThere()
	case c.Method != http.MethodPost || c.form == nil:
		return refuse("invalid-request")
	case !o.DataCloudTakes(bearer(c)):
		return refuse("invalid-client-401")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range o.tenant {
		t.revoked = t.revoked || t.token == c.form.Get("token")
	}
	return answer{status: http.StatusOK, body: []byte(`"Token revoked successfully"`)}
}
