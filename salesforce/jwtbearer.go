package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"forcecred/keystore/secret"
	"forcecred/protocol/origin"

	"github.com/go-jose/go-jose/v4"
)

// JWTGrant is a user whom the app may stand for, as an admin has approved: each
// access token is got by an assertion that the app's private key signs (RFC 7523).
type JWTGrant struct {
	Login        Login
	ClientID     string
	ClientSecret secret.Text // not sent; answers are signed with it. Empty where it is not known
	Username     string
	Key          PrivateKey
	KeyID        string // the assertion's kid, or ""
	Audience     string // the assertion's aud; "" is where the Login is
}

// assertionLife is how long an assertion is good, by our clock. Salesforce wants
// no more than three minutes; with half of that a clock may be off by a minute and
// a half in either direction.
const assertionLife = 90 * time.Second

// Check returns what is wrong with the grant.
func (g JWTGrant) Check() error {
	if g.Audience == "" {
		return nil
	}
	if _, err := origin.Parse(g.Audience); err != nil || strings.ContainsAny(g.Audience, "?#") || !only(g.Audience, isVisible) {
		return errors.New("audience is not an https URL such as https://login.salesforce.com")
	}
	return nil
}

func (g JWTGrant) exchange(ctx context.Context, c *Client) (Answer, error) {
	now := time.Now()
	assertion, err := g.assertion(now)
	if err != nil {
		return Answer{}, &Error{Reason: Refused, Err: fmt.Errorf("sign the assertion: %w", err), Hint: wrongAssertion.hint()}
	}
	resp, fail := c.post(ctx, g.Login.Endpoint("token"), url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"},
		"assertion":  {assertion.Reveal()},
	})
	if fail != nil {
		return Answer{}, fail
	}
	answer, err := decodeAnswer(resp, g.Login, g.ClientSecret, assertion)
	if err != nil {
		return Answer{}, refusedAssertion(errorOf(err), resp, now)
	}
	answer.RefreshToken = secret.Text{} // which the app does not need
	return answer, nil
}

// assertion returns what says, for a short time, that the app may stand for the user.
func (g JWTGrant) assertion(now time.Time) (secret.Text, error) {
	audience := g.Audience
	if audience == "" {
		audience = g.Login.URL() + g.Login.Site()
	}
	// Not the library's own claims, whose audience is a list: Salesforce's is one URL.
	claims, err := json.Marshal(struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		Expires  int64  `json:"exp"`
	}{g.ClientID, g.Username, audience, now.Add(assertionLife).Unix()})
	if err != nil {
		return secret.Text{}, err
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	if g.KeyID != "" {
		options = options.WithHeader("kid", g.KeyID)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: g.Key.rsa}, options)
	if err != nil {
		return secret.Text{}, err
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return secret.Text{}, err
	}
	text, err := signed.CompactSerialize()
	return secret.New(text), err
}

// refusedAssertion says what a refusal means. Salesforce does not say that it was
// the clock, but it says by its Date header what time it is.
func refusedAssertion(e *Error, resp response, sent time.Time) *Error {
	row := reworded(e, byWordsOfAssertion, assertionNotTaken)
	date, err := http.ParseTime(resp.header.Get("Date"))
	if err != nil || row.meaning != assertionEnded && row.meaning != wrongAssertion {
		return e
	}
	switch off := sent.Sub(date).Truncate(time.Second); {
	case off > assertionLife:
		e.Hint = fmt.Sprintf("this machine's clock is %v ahead of Salesforce's, so that the assertion ends too late; set the clock, and try again", off)
	case off < -assertionLife:
		e.Hint = fmt.Sprintf("this machine's clock is %v behind Salesforce's, where the assertion has ended already; set the clock, and try again", -off)
	}
	return e
}
