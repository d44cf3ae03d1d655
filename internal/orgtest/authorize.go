package orgtest

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The token endpoint's errors for a code.
var (
	badCode     = Error{Code: "invalid_grant", Description: "expired authorization code"}
	badVerifier = Error{Code: "invalid_grant", Description: "invalid code verifier"}
)

const authorizationCode = "authorization_code"

// codeLife is the time in which a code can be exchanged.
const codeLife = 15 * time.Minute

// code is an authorization code, which the browser brings to the client after the user's
// consent.
type code struct {
	grant       *Grant
	redirectURI string
	challenge   string
	nonce       string
	ends        time.Time
	used        bool
}

// authorize is the authorization endpoint, for the user's browser. The request stays in
// the address on its pages: log in, then allow or deny.
func (o *Org) authorize(c call, f Fault) answer {
	asked := c.URL.Query()
	if f.Query != nil {
		f.Query(asked)
	}
	// Without a valid redirect URI, the browser stays on an error page.
	switch {
	case asked.Get("client_id") != o.cfg.ClientID:
		return errorPage("invalid_client_id", "client identifier invalid")
	case asked.Get("redirect_uri") != o.cfg.CallbackURL:
		return errorPage("redirect_uri_mismatch", "redirect_uri must match configuration")
	}
	back := func(query url.Values) answer {
		query.Set("state", asked.Get("state"))
		if f.Redirect != nil {
			f.Redirect(query)
		}
		return answer{status: http.StatusFound, body: []byte{}, header: http.Header{"Location": {o.cfg.CallbackURL + "?" + query.Encode()}}}
	}
	refused := func(code, description string) answer {
		return back(url.Values{"error": {code}, "error_description": {description}})
	}
	switch {
	case asked.Get("response_type") != "code":
		return refused("unsupported_response_type", "response type is not supported")
	case asked.Get("code_challenge") == "" || asked.Get("code_challenge_method") != "S256":
		return refused("invalid_request", "missing required code challenge")
	case !o.hasScopes(asked.Get("scope")):
		return refused("invalid_scope", "the requested scope is invalid, unknown, or malformed")
	}
	switch step := c.form.Get("step"); {
	case c.Method == http.MethodGet:
		return page(loginPage, o.cfg.Username)
	case step == "login":
		return page(consentPage, asked.Get("scope"))
	case step == "allow":
		return back(url.Values{"code": {o.newCode(asked)}})
	}
	return refused("access_denied", "end-user denied authorization")
}

// hasScopes reports whether the app has all requested scopes.
func (o *Org) hasScopes(asked string) bool {
	has := strings.Fields(o.cfg.Scope)
	return !slices.ContainsFunc(strings.Fields(asked), func(scope string) bool { return !slices.Contains(has, scope) })
}

func (o *Org) newCode(asked url.Values) string {
	g := o.NewGrant()
	o.mu.Lock()
	defer o.mu.Unlock()
	text := "aPrx.test-code-" + random(16)
	o.codes[text] = &code{
		grant: g, redirectURI: asked.Get("redirect_uri"), challenge: asked.Get("code_challenge"),
		nonce: asked.Get("nonce"), ends: o.now().Add(codeLife),
	}
	return text
}

// redeem exchanges a code. A code can be used once, whatever the answer. If a client sends
// it again, the org revokes the tokens of the first use (RFC 6749, section 4.1.2).
func (o *Org) redeem(c call) answer {
	if refusal, ok := o.authenticate(c); !ok {
		return refusal
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	held, ok := o.codes[c.form.Get("code")]
	switch {
	case !ok:
		return badCode.answer()
	case held.used:
		o.note(c, "a code is exchanged twice")
		held.grant.revoke()
		return badCode.answer()
	}
	held.used = true
	verifier := sha256.Sum256([]byte(c.form.Get("code_verifier")))
	challenge := base64.RawURLEncoding.EncodeToString(verifier[:])
	switch {
	case !o.now().Before(held.ends):
		return badCode.answer()
	case c.form.Get("redirect_uri") != held.redirectURI:
		return refuse("redirect-uri-mismatch")
	case subtle.ConstantTimeCompare([]byte(challenge), []byte(held.challenge)) != 1:
		return badVerifier.answer()
	}
	return answer{status: http.StatusOK, fields: append(o.tokens(held.grant, held.nonce), field{"refresh_token", held.grant.newest()})}
}

const pageHead = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,">`

var (
	loginPage = template.Must(template.New("login").Parse(pageHead + `<title>Login | orgtest</title></head><body>
<form method="post"><label>Username <input name="username" value="{{.}}"></label>
<button id="login" name="step" value="login">Log In</button></form></body></html>`))
	consentPage = template.Must(template.New("consent").Parse(pageHead + `<title>Allow Access? | orgtest</title></head><body>
<form method="post"><p>The app asks for: {{.}}</p><button id="allow" name="step" value="allow">Allow</button>
<button id="deny" name="step" value="deny">Deny</button></form></body></html>`))
	refusalPage = template.Must(template.New("refusal").Parse(pageHead + `<title>OAuth Error | orgtest</title></head><body>
<h1>OAuth Error</h1><p id="error">error={{index . 0}}&amp;error_description={{index . 1}}</p></body></html>`))
)

// page returns the template's page for data.
func page(t *template.Template, data any) answer {
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		panic("orgtest: " + err.Error())
	}
	return answer{status: http.StatusOK, header: html, body: b.Bytes()}
}

// errorPage is the page for a user whom the org does not redirect to the client.
func errorPage(code, description string) answer {
	a := page(refusalPage, []string{code, description})
	a.status = http.StatusBadRequest
	return a
}
