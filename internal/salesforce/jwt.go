package salesforce

import (
	"encoding/base64"
	"strings"
	"time"

	"forcecred/internal/strictjson"
	"forcecred/protocol/secret"
)

// JWTLifetime returns when a JWT access token was issued and when it ends, by
// the server's clock, and false when the token is not a JWT that says when it
// ends. issuedAt is zero when it does not say. The JWT's signature is not
// checked: it came over TLS from its issuer, and its audience is Salesforce's own API.
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
