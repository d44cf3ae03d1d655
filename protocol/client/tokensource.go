package client

import (
	"context"

	"golang.org/x/oauth2"
)

// TokenSource returns a source of an org's access tokens for libraries that take one.
// ctx bounds all its requests. Its errors are those of [Client.Get].
//
// Do not use it with oauth2.NewClient, which sends the token to every host that it is asked
// for, or redirected to, and does not retry after a 401: [Client.HTTPClient] is for that.
func (c *Client) TokenSource(ctx context.Context, org string, options ...RequestOption) oauth2.TokenSource {
	return tokenSource{ctx, c, org, options}
}

type tokenSource struct {
	ctx     context.Context // x/oauth2's interface has no argument for it
	client  *Client
	org     string
	options []RequestOption
}

// Token returns a token that is good for a minute or more. Its extra "instance_url" is
// where it is for.
func (s tokenSource) Token() (*oauth2.Token, error) {
	cred, err := s.client.Get(s.ctx, s.org, s.options...)
	if err != nil {
		return nil, err
	}
	t := &oauth2.Token{AccessToken: cred.AccessToken.Reveal(), TokenType: cred.TokenType, Expiry: cred.ExpiresAt}
	return t.WithExtra(map[string]any{"instance_url": cred.InstanceURL}), nil
}
