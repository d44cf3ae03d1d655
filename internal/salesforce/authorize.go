package salesforce

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"

	"forcecred/internal/salesforce/transport"
	"forcecred/protocol/secret"
)

// Authorization is one authorization request: the authorization code grant (RFC 6749,
// section 4.1) with PKCE (RFC 7636). [NewAuthorization] returns one.
type Authorization struct {
	Host        Host
	ClientID    string
	RedirectURI string // one of the app's callback URLs, literally
	Scopes      string // separated by spaces; "" requests all scopes of the app
	State       string // the redirect must have it, so that no other page can forge one
	nonce       string // the ID token must have it
	verifier    secret.Text
}

// NewAuthorization returns a request that nobody can guess: state and nonce have 130
// random bits, and the code verifier has 260.
func NewAuthorization(host Host, clientID, redirectURI, scopes string) Authorization {
	return Authorization{
		Host: host, ClientID: clientID, RedirectURI: redirectURI, Scopes: scopes,
		State: rand.Text(), nonce: rand.Text(), verifier: secret.New(rand.Text() + rand.Text()),
	}
}

// URL returns the URL for the user's browser. It has no secret.
func (a Authorization) URL() string {
	challenge := sha256.Sum256([]byte(a.verifier.Reveal()))
	query := url.Values{
		"response_type":         {"code"},
		"client_id":             {a.ClientID},
		"redirect_uri":          {a.RedirectURI},
		"state":                 {a.State},
		"nonce":                 {a.nonce},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"},
		// Without it, Salesforce uses the browser's current session without asking, even
		// if that is another user's.
		"prompt": {"login"},
	}
	if a.Scopes != "" {
		query.Set("scope", a.Scopes)
	}
	return a.Host.Endpoint("authorize") + "?" + query.Encode()
}

// Refused returns the error of a redirect without a code. Any web page may have written
// the text, so it is sanitized like an answer's.
func (a Authorization) Refused(code, description string) *Error {
	return classifyLogin(classify(transport.Response{}, sanitize(code), sanitize(description), nil))
}

// ExchangeCode exchanges the code of the redirect for tokens. It sends the code once or
// not at all. Its error is an [*Error]. With an error, the Answer's RefreshToken may be
// set: it belongs to a login that nobody will use.
func (c *Client) ExchangeCode(ctx context.Context, a Authorization, clientSecret, code secret.Text) (Answer, error) {
	form := url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {code.Reveal()},
		"client_id":     {a.ClientID},
		"redirect_uri":  {a.RedirectURI},
		"code_verifier": {a.verifier.Reveal()},
	}
	if !clientSecret.Empty() {
		form.Set("client_secret", clientSecret.Reveal())
	}
	resp, recovered, fail := c.requestToken(ctx, a.Host, form)
	if fail != nil {
		return Answer{RefreshToken: recovered}, classifyLogin(fail)
	}
	answer, err := decodeAnswer(resp, a.Host, clientSecret, code, a.verifier)
	if err == nil && answer.RefreshToken.Empty() {
		err = unusable(noRefreshToken, resp, errors.New("the answer has no refresh token"))
	}
	if err == nil && !answer.IDToken.Empty() {
		err = c.verifyIDToken(ctx, a, answer)
	}
	if err != nil {
		return Answer{RefreshToken: recovered}, classifyLogin(err)
	}
	return answer, nil
}

// classifyLogin gives an error the class that it has for a login.
func classifyLogin(err error) *Error {
	e := errorOf(err)
	reclassify(e, loginRules, loginRefused)
	return e
}
