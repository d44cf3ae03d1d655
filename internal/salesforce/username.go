package salesforce

import (
	"context"
	"errors"
	"unicode/utf8"

	"forcecred/protocol/secret"
)

// maxUsername is how long a Salesforce username may be.
const maxUsername = 80

// Username asks whose an access token is. Its error is an [*Error].
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
