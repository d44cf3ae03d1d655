package salesforce

import (
	"context"
	"net/http"
	"time"

	"forcecred/protocol/secret"
)

// ServerTime requests a public page of host without a secret, and returns the time by
// the host's clock. Any answer will do: the host is reachable, and proved by TLS who it
// is. The time is zero if the answer has none. Its error is an [*Error].
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

// publicKeys is the path of the keys for ID tokens, which each Salesforce host publishes.
const publicKeys = "/id/keys"
