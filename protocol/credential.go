package protocol

import (
	"errors"
	"fmt"
	"io"
	"time"

	"forcecred/internal/strictjson"
	"forcecred/protocol/token"
)

// Credential is the answer to a [GetRequest]: an access token of an org, with its
// expiry.
type Credential struct {
	Org string
	For string // as in the request
	token.Token
	OrgID         string
	UserID        string
	ExpiresAt     time.Time // by this machine's clock
	ExpiresSource ExpiresSource
}

// ExpiresSource says how forcecred knows ExpiresAt. The most reliable source is first.
type ExpiresSource string

const (
	ExpiresAnswer        ExpiresSource = "expires_in"    // the answer with the token said so, as Data Cloud's does
	ExpiresJWT           ExpiresSource = "jwt"           // the token's own exp claim
	ExpiresIntrospection ExpiresSource = "introspection" // Salesforce said so about this token
	ExpiresLearned       ExpiresSource = "learned"       // issue time plus the session length of an earlier introspection
	ExpiresConfigured    ExpiresSource = "configured"    // issue time plus the stored session_timeout
	ExpiresAssumed       ExpiresSource = "assumed"       // issue time plus 15 minutes, Salesforce's shortest session
)

// maxCredentialSize is larger than any credential: a JWT access token and an ID token
// have a few KiB each.
const maxCredentialSize = 1 << 20

// credentialJSON is a Credential on the wire.
type credentialJSON struct {
	Version int    `json:"version"`
	Org     string `json:"org"`
	For     string `json:"for,omitempty"`
	token.Plain
	OrgID         string `json:"org_id,omitempty"`
	UserID        string `json:"user_id,omitempty"`
	ExpiresAt     string `json:"expires_at"`
	ExpiresSource string `json:"expires_source"`
}

// Encode writes the credential as one JSON object and a newline, in one write.
func (c Credential) Encode(w io.Writer) error {
	return writeJSON(w, credentialJSON{
		Version, c.Org, c.For, token.Reveal(c.Token), c.OrgID, c.UserID, formatTime(c.ExpiresAt), string(c.ExpiresSource),
	})
}

// DecodeCredential reads a credential that Encode wrote. Its errors do not quote the
// input.
func DecodeCredential(r io.Reader) (Credential, error) {
	o, err := strictjson.Read(r, maxCredentialSize)
	if err != nil {
		return Credential{}, fmt.Errorf("read the credential: %w", err)
	}
	var c Credential
	var plain token.Plain
	var version int64
	var expires, source string
	fields := map[string]any{
		"version":        &version,
		"org":            &c.Org,
		"for":            &c.For,
		"org_id":         &c.OrgID,
		"user_id":        &c.UserID,
		"expires_at":     &expires,
		"expires_source": &source,
	}
	for name, text := range token.Members(&plain) {
		fields[name] = text
	}
	err = o.Fields(fields)
	c.Token = token.Conceal(plain)
	if err == nil && version != Version {
		err = fmt.Errorf("its version is not %d", Version)
	}
	if err == nil && c.AccessToken.Empty() {
		err = errors.New("it has no access_token")
	}
	if err == nil {
		if c.ExpiresAt, err = time.Parse(time.RFC3339, expires); err != nil {
			err = errors.New("its expires_at is not an RFC 3339 time")
		}
	}
	if err != nil {
		return Credential{}, fmt.Errorf("read the credential: %w", err)
	}
	c.ExpiresAt = c.ExpiresAt.UTC()
	c.ExpiresSource = ExpiresSource(source)
	return c, nil
}

// formatTime returns whole seconds of UTC, rounded down, so that no token expires before
// its printed expiry. The zero time is "".
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Truncate(time.Second).Format(time.RFC3339)
}
