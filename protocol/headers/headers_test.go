package headers

import (
	"strings"
	"testing"

	"forcecred/protocol"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"
)

func TestEncode(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	c := protocol.Credential{Token: token.Token{AccessToken: secret.New(`00Dxx!"test`), TokenType: "Bearer"}}
	if err := Encode(&b, c); err != nil || b.String() != `{"Authorization":"Bearer 00Dxx!\"test"}`+"\n" {
		t.Errorf("%v: %s", err, b.String())
	}
}
