package salesforce

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"forcecred/internal/salesforce/transport"
	"forcecred/internal/strictjson"
	"forcecred/protocol/secret"
)

// Introspection is the answer of the introspection endpoint about an access token
// (RFC 7662). Only this endpoint has the expiry of an opaque token.
type Introspection struct {
	Active    bool
	IssuedAt  time.Time // by the server's clock
	ExpiresAt time.Time // by the server's clock
}

// Introspect introspects accessToken. Only a client with a secret may do so. Its error
// is an [*Error].
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

// maxTime is the last second of the year 9999. A later time is an error of the server,
// and overflows in comparisons.
const maxTime = 253402300799

func decodeIntrospection(resp transport.Response, secrets ...secret.Text) (Introspection, error) {
	o, err := parse(resp, secrets...)
	if err != nil {
		return Introspection{}, err
	}
	var in Introspection
	var issued, expires int64
	err = o.Fields(map[string]any{"active": &in.Active, "iat": &issued, "exp": &expires})
	if err == nil && (!isTime(issued) || !isTime(expires) || in.Active && expires == 0) {
		err = errors.New("exp or iat is not a time")
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

// isTime reports whether seconds is a time since 1970. 0 means none.
func isTime(seconds int64) bool { return 0 <= seconds && seconds <= maxTime }

// JWTLifetime returns the time of issue and the expiry of a JWT access token, by the
// server's clock. It returns false if the token is not a JWT with an expiry. issuedAt is
// zero if the JWT has none. The signature is not checked: the token came over TLS from
// its issuer, and its audience is Salesforce's own API.
func JWTLifetime(accessToken secret.Text) (issuedAt, expiresAt time.Time, ok bool) {
	parts := strings.Split(accessToken.Reveal(), ".")
	if len(parts) != 3 {
		return time.Time{}, time.Time{}, false
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}, time.Time{}, false
	}
	claims, err := strictjson.Parse(data)
	if err != nil {
		return time.Time{}, time.Time{}, false
	}
	var iat, exp int64
	if err := claims.Fields(map[string]any{"iat": &iat, "exp": &exp}); err != nil || exp == 0 || !isTime(iat) || !isTime(exp) {
		return time.Time{}, time.Time{}, false
	}
	if iat > 0 {
		issuedAt = time.Unix(iat, 0)
	}
	return issuedAt, time.Unix(exp, 0), true
}
