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

// Authorization is one request for a user's consent, by the authorization code
// grant (RFC 6749, section 4.1) with PKCE (RFC 7636). [NewAuthorization] makes one.
type Authorization struct {
	Host        Host
	ClientID    string
	RedirectURI string // as the app has it, to the letter
	Scopes      string // separated by spaces; "" asks for all that the app has
	State       string // what the browser has to bring back, so that no other page can
	nonce       string // what an ID token has to hold
	verifier    secret.Text
}

// NewAuthorization returns a request that nobody can guess: state and nonce have
// 130 random bits, the code verifier 260.
func NewAuthorization(host Host, clientID, redirectURI, scopes string) Authorization {
	return Authorization{
		Host: host, ClientID: clientID, RedirectURI: redirectURI, Scopes: scopes,
		State: rand.Text(), nonce: rand.Text(), verifier: secret.New(rand.Text() + rand.Text()),
	}
}

// URL returns where the user's browser has to go. It holds no secret.
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
		// Else the browser's current session is taken without a question, whoever's it is.
		"prompt": {"login"},
	}
	if a.Scopes != "" {
		query.Set("scope", a.Scopes)
	}
	return a.Host.Endpoint("authorize") + "?" + query.Encode()
}

// Refused returns the error that the browser brought back instead of a code. Any
// page could have written its words, so they are cleaned as an answer's are.
func (a Authorization) Refused(code, description string) *Error {
	return classifyLogin(classify(transport.Response{}, sanitize(code), sanitize(description), nil))
}

// ExchangeCode exchanges the code that the browser brought for tokens. It sends
// the code once, or not at all. Its error is an [*Error]; the Answer's
// RefreshToken may be set even then, and is a login that nobody will use.
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
	resp, fail := c.requestToken(ctx, a.Host, form)
	if fail != nil {
		return Answer{RefreshToken: recoverRefreshToken(resp)}, classifyLogin(fail)
	}
	answer, err := decodeAnswer(resp, a.Host, clientSecret, code, a.verifier)
	if err == nil && answer.RefreshToken.Empty() {
		err = unusable(noRefreshToken, resp, errors.New("the answer has no refresh token"))
	}
	if err == nil && !answer.IDToken.Empty() {
		err = c.verifyIDToken(ctx, a, answer)
	}
	if err != nil {
		return Answer{RefreshToken: recoverRefreshToken(resp)}, classifyLogin(err)
	}
	return answer, nil
}

// classifyLogin gives an error the class that it has for a login.
func classifyLogin(err error) *Error {
	e := errorOf(err)
	reclassify(e, loginRules, loginRefused)
	return e
}
