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

// data is the part of the REST API that returns the org and the version. The path
// /services/data/vNN.N/refused rejects each token. Other paths return an empty object.
func (o *Org) data(c call) answer {
	if !o.use(bearer(c)) || strings.HasSuffix(c.URL.Path, "/refused") {
		return answer{status: http.StatusUnauthorized,
			header: http.Header{"Www-Authenticate": {"Token"}},
			body:   []byte(`[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`)}
	}
	_, path, _ := strings.Cut(c.URL.Path, "/services/data")
	_, below, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch {
	case strings.Trim(path, "/") == "":
		return answer{status: http.StatusOK, body: []byte(`[{"label":"Winter '27","url":"/services/data/v` + apiVersion + `","version":"` + apiVersion + `"}]`)}
	case below == "sobjects/User/"+o.cfg.UserID:
		return answer{status: http.StatusOK, fields: []field{{"Id", o.cfg.UserID}, {"Username", o.cfg.Username}, {"Email", o.cfg.Username}}}
	case below == "query":
		return o.query(c.URL.Query().Get("q"))
	}
	return answer{status: http.StatusOK, fields: []field{}}
}

// apiVersion is the only version of the REST API.
const apiVersion = "66.0"

// query returns the org's own record for a query of it, and no record for others.
func (o *Org) query(soql string) answer {
	records := []map[string]any{}
	if strings.Contains(soql, "FROM Organization") {
		records = append(records, map[string]any{
			"attributes": map[string]string{"type": "Organization"}, "Id": o.cfg.OrgID, "Name": "orgtest", "InstanceName": "TEST1",
			"IsSandbox": false, "TrialExpirationDate": nil, "NamespacePrefix": nil, "OrganizationType": "Developer Edition",
		})
	}
	return answer{status: http.StatusOK, fields: []field{{"totalSize", len(records)}, {"done", true}, {"records", records}}}
}

// identity is the endpoint of the identity URL.
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

// who answers with fields. Unlike the REST API, these two endpoints answer an invalid token
// with 403, in plain text.
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
