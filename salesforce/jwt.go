package salesforce

import (
	"encoding/base64"
	"strings"
	"time"

	"forcecred/keystore/secret"
	"forcecred/protocol/strictjson"
)

// JWTExpiry returns when a JWT access token ends, by the server's clock, and
// false when the token is not a JWT that says so. The JWT's signature is not
// checked: it came over TLS from its issuer, and its audience is Salesforce's own API.
func JWTExpiry(accessToken secret.Text) (time.Time, bool) {
	parts := strings.Split(accessToken.Reveal(), ".")
	if len(parts) != 3 {
		return time.Time{}, false
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}, false
	}
	claims, err := strictjson.Parse(data)
	if err != nil {
		return time.Time{}, false
	}
	var exp int64
	if err := claims.Fields(map[string]any{"exp": &exp}); err != nil || exp <= 0 {
		return time.Time{}, false
	}
	return time.Unix(exp, 0), true
}
