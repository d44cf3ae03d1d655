package salesforce

import (
	"crypto/fips140"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"forcecred/protocol/secret"
)

// minFIPSKey is the shortest key, in bytes, that package hmac accepts in FIPS-only mode.
const minFIPSKey = 112 / 8

// checkSignature verifies that the identity URL was signed with the client's secret:
// signature = base64(HMAC-SHA256(client_secret, id + issued_at)). Without a secret or a
// signature it verifies nothing.
//
// The signature does not cover the access token. It detects a wrong secret, or somebody
// who rewrites answers between forcecred and Salesforce.
func (a Answer) checkSignature(clientSecret secret.Text) error {
	if clientSecret.Empty() || a.Signature == "" {
		return nil
	}
	// Package hmac would panic, after the refresh token was spent. Salesforce's own
	// secrets are longer.
	if fips140.Enforced() && len(clientSecret.Reveal()) < minFIPSKey {
		return nil
	}
	mac := hmac.New(sha256.New, []byte(clientSecret.Reveal()))
	mac.Write([]byte(a.ID + a.IssuedAt))
	got, err := base64.StdEncoding.DecodeString(a.Signature)
	if err != nil || !hmac.Equal(got, mac.Sum(nil)) {
		return errors.New("the answer is not signed with this client's secret")
	}
	return nil
}
