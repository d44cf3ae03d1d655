package salesforce

import (
	"context"
	"errors"
	"net/url"

	"forcecred/protocol/secret"
)

// ClientGrant is an app that acts for itself (RFC 6749, section 4.4). In the org it acts
// as the user that an admin chose.
type ClientGrant struct {
	Host         Host
	ClientID     string
	ClientSecret secret.Text
}

// Check refuses a host where the users of all orgs log in: Salesforce cannot know which
// org the app means.
func (g ClientGrant) Check() error {
	if host := g.Host.origin.Hostname(); host == "login.salesforce.com" || host == "test.salesforce.com" {
		return errors.New("login_url must be the org's My Domain, https://NAME.my.salesforce.com: with client_credentials, Salesforce refuses login.salesforce.com and test.salesforce.com")
	}
	return nil
}

func (g ClientGrant) exchange(ctx context.Context, c *Client) (Answer, error) {
	resp, _, fail := c.requestToken(ctx, g.Host, url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {g.ClientID},
		"client_secret": {g.ClientSecret.Reveal()},
	})
	if fail != nil {
		return Answer{}, fail
	}
	answer, err := decodeAnswer(resp, g.Host, g.ClientSecret)
	if err != nil {
		e := errorOf(err)
		reclassify(e, clientRules, clientRefused)
		return Answer{}, e
	}
	answer.RefreshToken = secret.Text{} // the app does not need one
	return answer, nil
}
