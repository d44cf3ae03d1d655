package orgtest

import (
	"mime"
	"net/http"
	"slices"
	"strings"
)

// Endpoint names one of the org's endpoints.
type Endpoint string

// Endpoints. The first five are below the site. The others are at the root of the instance;
// the REST API is below the site as well.
const (
	Authorize  Endpoint = "authorize"  // /services/oauth2/authorize, for browsers
	Token      Endpoint = "token"      // /services/oauth2/token
	Introspect Endpoint = "introspect" // /services/oauth2/introspect
	Revoke     Endpoint = "revoke"     // /services/oauth2/revoke
	UserInfo   Endpoint = "userinfo"   // /services/oauth2/userinfo
	Identity   Endpoint = "identity"   // /id/ORG/USER
	Keys       Endpoint = "keys"       // /id/keys
	Data       Endpoint = "data"       // /services/data and all below
	DataCloud  Endpoint = "datacloud"  // /services/a360/token

	// An endpoint of the Data Cloud tenant, on the org's host.
	RevokeDataCloud Endpoint = "datacloud-revoke" // /services/a360/revoke
	Unknown         Endpoint = "unknown"          // no endpoint
)

// endpoint returns the endpoint of a path.
func (o *Org) endpoint(path string) Endpoint {
	switch path {
	case "/id/" + o.cfg.OrgID + "/" + o.cfg.UserID:
		return Identity
	case "/id/keys":
		return Keys
	case "/services/a360/token":
		return DataCloud
	case "/services/a360/revoke":
		return RevokeDataCloud
	}
	// The Salesforce CLI adds a second slash to an instance URL.
	rest, ok := strings.CutPrefix("/"+strings.TrimLeft(path, "/"), "/services/data")
	if ok && (rest == "" || rest[0] == '/') {
		return Data
	}
	below, ok := strings.CutPrefix(path, o.cfg.Site)
	if !ok {
		return Unknown
	}
	switch below {
	case "/services/oauth2/authorize":
		return Authorize
	case "/services/oauth2/token":
		return Token
	case "/services/oauth2/introspect":
		return Introspect
	case "/services/oauth2/revoke":
		return Revoke
	case "/services/oauth2/userinfo":
		return UserInfo
	}
	if below == "/services/data" || strings.HasPrefix(below, "/services/data/") {
		return Data
	}
	return Unknown
}

// rule describes the correct requests to an endpoint.
type rule struct {
	methods  []string // nil is any
	form     bool
	required []string // fields of the form
	optional []string
	bearer   bool // an access token in the Authorization header, else none at all
	browser  bool // a browser's request: with a query, for a page
}

func (o *Org) rule(c call) rule {
	switch c.endpoint {
	case Authorize:
		return rule{methods: []string{http.MethodGet, http.MethodPost}, browser: true}
	case Token:
		r := rule{methods: []string{http.MethodPost}, form: true, required: []string{"grant_type"}}
		switch c.form.Get("grant_type") {
		case jwtBearer: // the assertion identifies the client
			r.required = append(r.required, "assertion")
			return r
		case clientCredentials:
			r.required = append(r.required, "client_id")
		case authorizationCode:
			r.required = append(r.required, "code", "client_id", "redirect_uri", "code_verifier")
		default:
			r.required = append(r.required, "refresh_token", "client_id")
		}
		if o.cfg.ClientSecret != "" {
			r.required = append(r.required, "client_secret")
		}
		return r
	case Introspect:
		return rule{methods: []string{http.MethodPost}, form: true,
			required: []string{"token", "client_id", "client_secret"}, optional: []string{"token_type_hint"}}
	case Revoke:
		return rule{methods: []string{http.MethodPost}, form: true, required: []string{"token"}, optional: []string{"token_type_hint"}}
	case DataCloud:
		return rule{methods: []string{http.MethodPost}, form: true,
			required: []string{"grant_type", "subject_token", "subject_token_type"}, optional: []string{"dataspace"}}
	case RevokeDataCloud:
		return rule{methods: []string{http.MethodPost}, form: true, required: []string{"token"}, bearer: true}
	case UserInfo:
		return rule{methods: []string{http.MethodGet, http.MethodPost}, bearer: true}
	case Identity:
		return rule{methods: []string{http.MethodGet}, bearer: true}
	case Keys:
		return rule{methods: []string{http.MethodGet}}
	default:
		return rule{bearer: true}
	}
}

// check records what is wrong with a request.
func (o *Org) check(c call) {
	if c.endpoint == Unknown {
		o.problem(c, "there is no such endpoint")
		return
	}
	r := o.rule(c)
	if r.methods != nil && !slices.Contains(r.methods, c.Method) {
		o.problem(c, "the method is not "+strings.Join(r.methods, " or "))
	}
	if c.endpoint != Data && !r.browser && (c.URL.RawQuery != "" || c.URL.ForceQuery) || c.URL.Query().Has("access_token") {
		o.problem(c, "there is a query string, which ends up in logs")
	}
	switch authorization := c.Header.Get("Authorization"); {
	case r.bearer && bearer(c) == "":
		o.problem(c, "there is no bearer token")
	case !r.bearer && authorization != "":
		o.problem(c, "there is an Authorization header")
	}
	if c.Header.Get("Cookie") != "" {
		o.problem(c, "there is a cookie")
	}
	if !r.browser && !acceptsJSON(c.Header.Values("Accept")) {
		o.problem(c, "it does not accept JSON")
	}
	if r.form {
		o.checkForm(c, r)
	}
	if c.endpoint == Introspect && o.cfg.ClientSecret == "" {
		o.problem(c, "a public client introspects")
	}
}

func (o *Org) checkForm(c call, r rule) {
	if c.form == nil {
		o.problem(c, "the body is not a form, application/x-www-form-urlencoded")
		return
	}
	for _, name := range r.required {
		if c.form.Get(name) == "" {
			o.problem(c, "the field "+name+" is missing")
		}
	}
	for name, values := range c.form {
		switch {
		case !slices.Contains(r.required, name) && !slices.Contains(r.optional, name):
			o.problem(c, "the field "+showName(name)+" is not expected")
		case len(values) > 1:
			o.problem(c, "the field "+name+" is there more than once")
		}
	}
	if hint := c.form.Get("token_type_hint"); hint != "" && hint != "access_token" && hint != "refresh_token" {
		o.problem(c, "the field token_type_hint is neither access_token nor refresh_token")
	}
}

func isForm(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/x-www-form-urlencoded"
}

func acceptsJSON(accept []string) bool {
	if len(accept) == 0 {
		return true
	}
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		media, _, err := mime.ParseMediaType(part)
		if err == nil && (media == "application/json" || media == "application/*" || media == "*/*") {
			return true
		}
	}
	return false
}
