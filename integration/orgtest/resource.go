package orgtest

import (
	"net/http"
	"strings"
)

// bearer returns the access token of the Authorization header, or "".
func bearer(c call) string {
	scheme, token, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}

// data is the REST API. All of it answers an empty object.
func (o *Org) data(c call) answer {
	if !o.use(bearer(c)) {
		return answer{status: http.StatusUnauthorized,
			header: http.Header{"Www-Authenticate": {"Token"}},
			body:   []byte(`[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`)}
	}
	return answer{status: http.StatusOK, fields: []field{}}
}

// identity is the identity URL, an answer's id.
func (o *Org) identity(c call) answer {
	return o.who(c,
		field{"id", o.identityURL()},
		field{"asserted_user", true},
		field{"user_id", o.cfg.UserID},
		field{"organization_id", o.cfg.OrgID},
		field{"username", o.cfg.Username},
		field{"active", true},
	)
}

// userinfo is the UserInfo endpoint of OpenID Connect.
func (o *Org) userinfo(c call) answer {
	return o.who(c,
		field{"sub", o.identityURL()},
		field{"user_id", o.cfg.UserID},
		field{"organization_id", o.cfg.OrgID},
		field{"preferred_username", o.cfg.Username},
		field{"active", true},
	)
}

// who answers with fields. Unlike the REST API these two say 403, in plain text.
func (o *Org) who(c call, fields ...field) answer {
	text := ""
	if token := bearer(c); token == "" {
		text = "Missing_OAuth_Token"
	} else if !o.use(token) {
		text = "Bad_OAuth_Token"
	}
	if text != "" {
		return answer{status: http.StatusForbidden, body: []byte(text),
			header: http.Header{"Content-Type": {"text/html;charset=UTF-8"}}}
	}
	return answer{status: http.StatusOK, fields: fields}
}
