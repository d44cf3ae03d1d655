package salesforce

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"forcecred/internal/salesforce/credentials"
	"forcecred/internal/salesforce/transport"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"
)

// RefreshGrant is what a refresh spends.
type RefreshGrant struct {
	Host         Host
	ClientID     string
	ClientSecret secret.Text // empty for a public client
	RefreshToken secret.Text
}

// Answer is a token endpoint's answer. Salesforce sends all values as text,
// and never says how long the token lives.
//
// InstanceURL and APIInstanceURL are https://HOST[:PORT] in lower case, without a
// trailing slash. SiteURL is at a host that the login trusts, or "".
type Answer struct {
	token.Token
	RefreshToken secret.Text // the next one, where Salesforce rotates; else empty
	ForeignSite  bool        // the answer had a SiteURL, which names another host
	Accepted     Target      // where a JWTGrant's assertion was taken, if that is not where it is tried first
	Date         time.Time   // the server's clock, from the Date header; zero when it sent none

	// ExpiresIn is how long a token of Data Cloud lives; 0 when the answer does not
	// say, as for all other tokens.
	ExpiresIn time.Duration
}

// exchange spends the grant's refresh token for a new access token (RFC 6749,
// section 6).
func (g RefreshGrant) exchange(ctx context.Context, c *Client) (Answer, error) {
	form := url.Values{
		"grant_type":    {"refresh_token"},
		"client_id":     {g.ClientID},
		"refresh_token": {g.RefreshToken.Reveal()},
	}
	if !g.ClientSecret.Empty() {
		form.Set("client_secret", g.ClientSecret.Reveal())
	}
	resp, fail := c.requestToken(ctx, g.Host, form)
	if fail != nil {
		return Answer{RefreshToken: recoverRefreshToken(resp)}, fail
	}
	answer, err := decodeAnswer(resp, g.Host, g.ClientSecret, g.RefreshToken)
	if err != nil {
		return Answer{RefreshToken: recoverRefreshToken(resp)}, err
	}
	return answer, nil
}

// usedMembers are the members of a token response that forcecred itself uses. An
// answer in which one of them is not a string is refused.
var usedMembers = []string{"access_token", "token_type", "instance_url", "api_instance_url"}

// decodeAnswer reads an answer to a request that held the client's secret and
// those that it spent.
func decodeAnswer(resp transport.Response, host Host, clientSecret secret.Text, spent ...secret.Text) (Answer, error) {
	secrets := append([]secret.Text{clientSecret}, spent...)
	o, err := parse(resp, secrets...)
	if err != nil {
		return Answer{}, err
	}
	var a Answer
	var plain token.Plain
	var oldSiteURL, oldSiteID string
	members := map[string]any{
		"refresh_token":      &a.RefreshToken,
		"sfdc_community_url": (*passedOn)(&oldSiteURL),
		"sfdc_community_id":  (*passedOn)(&oldSiteID),
	}
	for name, text := range token.Members(&plain) {
		if slices.Contains(usedMembers, name) {
			members[name] = text
		} else {
			members[name] = (*passedOn)(text)
		}
	}
	err = o.Fields(members)
	if plain.SiteURL == "" && plain.SiteID == "" {
		plain.SiteURL, plain.SiteID = oldSiteURL, oldSiteID
	}
	if plain.TokenType == "" {
		plain.TokenType = "Bearer"
	}
	a.Token = token.Conceal(plain)
	if err == nil {
		err = a.check(secrets)
	}
	if err != nil {
		return Answer{}, unusable(malformed, resp, fmt.Errorf("the answer's %w", err))
	}
	if a.InstanceURL, err = host.InstanceURL(a.InstanceURL); err != nil {
		return Answer{}, unusable(foreignHost, resp, fmt.Errorf("the answer's instance_url %w", err))
	}
	if a.APIInstanceURL != "" {
		if a.APIInstanceURL, err = host.InstanceURL(a.APIInstanceURL); err != nil {
			return Answer{}, unusable(foreignHost, resp, fmt.Errorf("the answer's api_instance_url %w", err))
		}
	}
	if err := a.checkSignature(clientSecret); err != nil {
		return Answer{}, unusable(wrongSignature, resp, err)
	}
	// After the signature, which covers the id and issued_at as they were sent.
	a.Token = clearUnprintable(a.Token)
	// A site may have its company's own domain. That is no reason to refuse a token
	// that works at the instance.
	if a.SiteURL != "" && !host.isSite(a.SiteURL) {
		a.SiteURL, a.ForeignSite = "", true
	}
	// Without the header the zero time says that the server's clock is not known.
	a.Date, _ = http.ParseTime(resp.Header.Get("Date"))
	return a, nil
}

// unusable returns the error of an answer that says yes and can't be used.
func unusable(m class, resp transport.Response, err error) *Error {
	return &Error{Reason: m.reason, Status: resp.Status, Err: err, Remedy: m.remedy()}
}

// check refuses an answer whose token is none, or is not good for the place that
// it is to be sent to.
func (a Answer) check(secrets []secret.Text) error {
	if a.AccessToken.Empty() {
		return errors.New("access_token is missing")
	}
	if !strings.EqualFold(a.TokenType, "Bearer") {
		return errors.New("token_type is not Bearer")
	}
	for name, text := range map[string]string{
		"access_token": a.AccessToken.Reveal(), "instance_url": a.InstanceURL, "api_instance_url": a.APIInstanceURL,
	} {
		if !credentials.IsVisible(text) {
			return fmt.Errorf("%s has white space, control characters or characters beyond ASCII", name)
		}
	}
	if slices.ContainsFunc(secrets, a.AccessToken.Equal) {
		return errors.New("access_token is a secret of the request")
	}
	return nil
}
