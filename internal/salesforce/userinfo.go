package salesforce

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"forcecred/protocol/secret"
)

// UserInfo asks whether the org takes accessToken, which any client may, where
// only one with a secret may introspect. Being asked keeps the session alive. Its
// error is an [*Error], where the answer is neither yes nor no.
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
	return false, classify(resp, "", "", errors.New("the answer does not tell whether the token is good"))
}

// badToken is how the endpoint refuses a token that is none or has ended, in
// plain text.
var badToken = []byte("Bad_OAuth_Token")
