package salesforce

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"forcecred/protocol/secret"
)

// Revoke revokes a refresh token with all its access tokens, or one access token
// (RFC 7009). A token that is no longer valid counts as revoked. Its error is an [*Error].
func (c *Client) Revoke(ctx context.Context, host Host, token secret.Text) error {
	resp, fail := c.post(ctx, host.Endpoint("revoke"), url.Values{"token": {token.Reveal()}})
	if fail != nil {
		return fail
	}
	if isSuccess(resp.Status) {
		return nil // with any body: RFC 7009, section 2.2
	}
	_, err := parse(resp, token)
	if e := (*Error)(nil); errors.As(err, &e) && (strings.EqualFold(e.Code, "invalid_token") || strings.EqualFold(e.Code, "unsupported_token_type")) {
		return nil
	}
	return err
}
