package salesforce

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"forcecred/internal/origin"
	"forcecred/protocol/secret"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// verifyIDToken checks that the answer's ID token is for this login: it is signed with a
// key of the host, for this client, in answer to this request (OpenID Connect Core,
// section 3.1.3.7).
func (c *Client) verifyIDToken(ctx context.Context, a Authorization, answer Answer) error {
	keys := &publishedKeys{client: c, host: a.Host}
	// The library accepts one issuer, and Salesforce has several: see isIssuer.
	verifier := oidc.NewVerifier("", keys, &oidc.Config{
		ClientID: a.ClientID, SkipIssuerCheck: true, SupportedSigningAlgs: []string{oidc.RS256}, Now: answer.now,
	})
	token, err := verifier.Verify(ctx, answer.IDToken.Reveal())
	if keys.fail != nil {
		return keys.fail
	}
	failed := func(text string) error {
		return &Error{Reason: wrongIDToken.reason, Err: errors.New(text), Remedy: wrongIDToken.remedy()}
	}
	switch expired := (*oidc.TokenExpiredError)(nil); {
	case errors.As(err, &expired):
		return failed("the answer's id_token has expired")
	case err != nil: // it may quote the token
		return failed("the answer's id_token is not signed by Salesforce for this client")
	case !a.isIssuer(token.Issuer, answer):
		return failed("the answer's id_token is from another issuer")
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(a.nonce)) != 1:
		return failed("the answer's id_token belongs to another login")
	}
	return nil
}

// now returns the time by the server's clock, if the answer has it. An ID token lives for
// minutes, and this machine's clock may be off by more.
func (a Answer) now() time.Time {
	if a.Date.IsZero() {
		return time.Now()
	}
	return a.Date
}

// isIssuer reports whether an ID token may have that issuer. Salesforce names the host or
// the Experience Cloud site where the user logged in. For https://login.salesforce.com
// that may be the org's My Domain. The key is the login host's in each case.
func (a Authorization) isIssuer(issuer string, answer Answer) bool {
	host, err := origin.ParseBase(issuer)
	if err != nil {
		return issuer == a.Host.URL()+a.Host.Site()
	}
	return host == a.Host.origin || string(host) == answer.InstanceURL
}

// publishedKeys are the signing keys of a login host, fetched for each signature.
type publishedKeys struct {
	client *Client
	host   Host
	fail   error // of the last fetch
}

// VerifySignature returns the payload of a signed token, as an [oidc.KeySet].
func (k *publishedKeys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, err
	}
	resp, fail := k.client.get(ctx, k.host.URL()+publicKeys, secret.Text{})
	if fail != nil {
		k.fail = fail
		return nil, fail
	}
	var set jose.JSONWebKeySet
	if _, err := parse(resp); err != nil {
		k.fail = err
		return nil, err
	}
	if err := json.Unmarshal(resp.Body, &set); err != nil {
		k.fail = unusable(malformed, resp, errors.New("the login host's keys are not a JWK set"))
		return nil, k.fail
	}
	for _, key := range set.Key(signed.Signatures[0].Header.KeyID) {
		if payload, err := signed.Verify(key); err == nil {
			return payload, nil
		}
	}
	return nil, fmt.Errorf("no key of the login host has signed it")
}
