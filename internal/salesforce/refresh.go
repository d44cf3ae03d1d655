package salesforce

import (
	"context"
	"net/url"

	"forcecred/protocol/secret"
)

// RefreshGrant is a refresh token with its client.
type RefreshGrant struct {
	Host         Host
	ClientID     string
	ClientSecret secret.Text // empty for a public client
	RefreshToken secret.Text
}

// exchange exchanges the refresh token for a new access token (RFC 6749, section 6).
func (g RefreshGrant) exchange(ctx context.Context, c *Client) (Answer, error) {
	form := url.Values{
		"grant_type":    {"refresh_token"},
		"client_id":     {g.ClientID},
		"refresh_token": {g.RefreshToken.Reveal()},
	}
	if !g.ClientSecret.Empty() {
		form.Set("client_secret", g.ClientSecret.Reveal())
	}
	resp, recovered, fail := c.requestToken(ctx, g.Host, form)
	if fail != nil {
		return Answer{RefreshToken: recovered}, fail
	}
	answer, err := decodeAnswer(resp, g.Host, g.ClientSecret, g.RefreshToken)
	if err != nil {
		return Answer{RefreshToken: recovered}, err
	}
	return answer, nil
}
