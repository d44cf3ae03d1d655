package salesforce

import (
	"encoding/base64"
	"strings"
	"time"

	"forcecred/keystore/secret"
	"forcecred/protocol/strictjson"
)

// JWTTimes returns when a JWT access token was issued and when it ends, by the
// server's clock, and false when the token is not a JWT that says so. The
// JWT's signature is not checked: it came over TLS from its issuer, and its
// audience is Salesforce's own API.
func JWTTimes(accessToken secret.Text) (issued, expires time.Time, ok bool) {
	parts := strings.Split(accessToken.Reveal(), ".")
	if len(parts) != 3 {
		return time.Time{}, time.Time{}, false
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}, time.Time{}, false
	}
	o, err := strictjson.Parse(claims)
	if err != nil {
		return time.Time{}, time.Time{}, false
	}
	var iat, exp int64
	if err := o.Fields(map[string]any{"iat": &iat, "exp": &exp}); err != nil || exp <= 0 {
		return time.Time{}, time.Time{}, false
	}
	if iat > 0 {
		issued = time.Unix(iat, 0)
	}
	return issued, time.Unix(exp, 0), true
}
