package salesforce

import (
	"context"
	"net/http"
	"time"

	"forcecred/protocol/secret"
)

// ServerTime goes to where login is, without a secret, and returns the time by the
// host's clock: whatever else it answers, it is there, and has proved by TLS who
// it is. The time is zero when the answer has none. Its error is an [*Error].
func (c *Client) ServerTime(ctx context.Context, host Host) (time.Time, error) {
	resp, fail := c.get(ctx, host.URL()+publicKeys, secret.Text{})
	if fail != nil {
		return time.Time{}, fail
	}
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return time.Time{}, nil
	}
	return at, nil
}

// publicKeys is what every host of Salesforce's shows to anybody: the keys that
// its ID tokens are signed with.
const publicKeys = "/id/keys"
