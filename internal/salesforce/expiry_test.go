package salesforce

import (
	"encoding/base64"
	"forcecred/protocol/secret"
	"testing"
)

func TestJWTLifetime(t *testing.T) {
	t.Parallel()
	jwt := func(claims string) secret.Text {
		return secret.New("eyJ0eXAiOiJKV1QifQ." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln")
	}
	if issued, expires, ok := JWTLifetime(jwt(`{"iat":1708058728,"exp":1708060528}`)); !ok || issued.Unix() != 1708058728 || expires.Unix() != 1708060528 {
		t.Errorf("got %v %v %v", issued, expires, ok)
	}
	if issued, _, ok := JWTLifetime(jwt(`{"exp":1708060528}`)); !ok || !issued.IsZero() {
		t.Errorf("without iat: got %v %v", issued, ok)
	}
	for name, token := range map[string]secret.Text{
		"opaque": secret.New("00Dxx!a.b.c"), "no exp": jwt(`{}`), "text exp": jwt(`{"exp":"1708060528"}`), "negative": jwt(`{"exp":-1}`),
		"beyond time": jwt(`{"exp":9223372036854775807}`), "iat beyond time": jwt(`{"iat":9223372036854775807,"exp":1708060528}`), "not JSON": jwt(`x`), "empty": {},
	} {
		if _, _, ok := JWTLifetime(token); ok {
			t.Errorf("%s has a lifetime", name)
		}
	}
}
