package salesforce

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"forcecred/internal/salesforce/transport"
	"forcecred/protocol/secret"
)

// Introspection is what the introspection endpoint says of an access token
// (RFC 7662), the only place where Salesforce tells when an opaque token ends.
type Introspection struct {
	Active    bool
	IssuedAt  time.Time // by the server's clock
	ExpiresAt time.Time // by the server's clock
}

// Introspect asks about accessToken. Only a client with a secret may ask. Its
// error is an [*Error].
func (c *Client) Introspect(ctx context.Context, host Host, clientID string, clientSecret, accessToken secret.Text) (Introspection, error) {
	resp, fail := c.post(ctx, host.Endpoint("introspect"), url.Values{
		"token":           {accessToken.Reveal()},
		"token_type_hint": {"access_token"},
		"client_id":       {clientID},
		"client_secret":   {clientSecret.Reveal()},
	})
	if fail != nil {
		return Introspection{}, fail
	}
	return decodeIntrospection(resp, clientSecret, accessToken)
}

// latest is the last second that a four-digit year has room for. What lies
// beyond is no time at all, and would overflow where it is compared.
const latest = 253402300799

func decodeIntrospection(resp transport.Response, secrets ...secret.Text) (Introspection, error) {
	o, err := parse(resp, secrets...)
	if err != nil {
		return Introspection{}, err
	}
	var in Introspection
	var issued, expires int64
	err = o.Fields(map[string]any{"active": &in.Active, "iat": &issued, "exp": &expires})
	if err == nil && (!isTime(issued) || !isTime(expires) || in.Active && expires == 0) {
		err = errors.New("exp or iat is no time")
	}
	if err != nil {
		return Introspection{}, unusable(malformed, resp, fmt.Errorf("the answer's %w", err))
	}
	if issued > 0 {
		in.IssuedAt = time.Unix(issued, 0)
	}
	if expires > 0 {
		in.ExpiresAt = time.Unix(expires, 0)
	}
	return in, nil
}

// isTime reports whether seconds can be a time since 1970. 0 says that there is none.
func isTime(seconds int64) bool { return 0 <= seconds && seconds <= latest }
