package salesforce

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"unicode/utf8"

	"forcecred/protocol/secret"
)

// UserInfo reports whether the org accepts accessToken. Any client may ask, while only
// a client with a secret may introspect. The request extends the session. Its error is
// an [*Error] if the answer says neither.
func (c *Client) UserInfo(ctx context.Context, host Host, accessToken secret.Text) (good bool, err error) {
	resp, fail := c.get(ctx, host.Endpoint("userinfo"), accessToken)
	switch {
	case fail != nil:
		return false, fail
	case isSuccess(resp.Status):
		return true, nil
	case resp.Status == http.StatusUnauthorized, resp.Status == http.StatusForbidden && bytes.HasPrefix(resp.Body, badToken):
		return false, nil
	}
	return false, classify(resp, "", "", errors.New("the answer does not say whether the token is valid"))
}

// badToken is the endpoint's answer, in plain text, to an invalid or expired token.
var badToken = []byte("Bad_OAuth_Token")

// maxUsername is the longest Salesforce username, in characters.
const maxUsername = 80

// Username returns the username of an access token's user. Its error is an [*Error].
func (c *Client) Username(ctx context.Context, host Host, accessToken secret.Text) (string, error) {
	resp, fail := c.get(ctx, host.Endpoint("userinfo"), accessToken)
	if fail != nil {
		return "", fail
	}
	o, err := parse(resp, accessToken)
	if err != nil {
		return "", err
	}
	var name string
	if err := o.Fields(map[string]any{"preferred_username": &name}); err != nil || utf8.RuneCountInString(name) > maxUsername || sanitize(name, accessToken) != name {
		return "", unusable(malformed, resp, errors.New("the answer has no username"))
	}
	return name, nil
}
