package keystore

import (
	"context"
	"encoding/json"
	"time"

	"forcecred/protocol/secret"
)

// GrantType is the OAuth grant type of a [Grant].
type GrantType string

// The grant types. Each comment has the fields of that type alone.
const (
	RefreshToken      GrantType = "refresh_token"      // RefreshToken, Rotates
	JWTBearer         GrantType = "jwt_bearer"         // PrivateKey or PrivateKeyFile, KeyID, Audience, AudienceURL, Accepted; Username is the assertion's subject
	ClientCredentials GrantType = "client_credentials" // none; ClientSecret is required
)

// isKnown reports whether this forcecred knows the type.
func (t GrantType) isKnown() bool {
	return t == RefreshToken || t == JWTBearer || t == ClientCredentials
}

// Grant is everything that forcecred needs to request an org's access tokens, until
// Salesforce revokes the grant.
type Grant struct {
	Org            Org         `json:"org"`
	Type           GrantType   `json:"grant_type,omitempty"` // absent in old items: RefreshToken
	LoginURL       string      `json:"login_url"`            // https://login.salesforce.com
	AllowHost      bool        `json:"allow_host,omitempty"` // LoginURL is not on a domain of Salesforce; the user accepted it
	Source         Source      `json:"source,omitempty"`
	ClientApp      string      `json:"client_app,omitempty"` // the client app of a login of the Salesforce CLI, or ""
	Site           string      `json:"site,omitempty"`       // path of an Experience Cloud site: "" or /partners
	ClientID       string      `json:"client_id"`
	ClientSecret   secret.Text `json:"client_secret"` // empty for a public client
	RefreshToken   secret.Text `json:"refresh_token"`
	PrivateKey     secret.Text `json:"private_key"`                // PEM of an RSA key
	PrivateKeyFile string      `json:"private_key_file,omitempty"` // or its absolute path; the file is read at each use
	KeyID          string      `json:"key_id,omitempty"`           // the assertion's kid, or ""
	Audience       string      `json:"audience,omitempty"`         // of the assertion; if it is "", forcecred tries several
	AudienceURL    string      `json:"audience_url,omitempty"`     // one more audience to try, from the Salesforce CLI's environment
	Accepted       Target      `json:"accepted,omitzero"`          // of the last assertion that Salesforce accepted; tried first
	Username       string      `json:"username,omitempty"`         // for people only, except in a JWTBearer grant
	SessionTimeout Seconds     `json:"session_timeout,omitempty"`  // as configured by the user; 0 if not
	Rotates        *bool       `json:"rotates,omitempty"`          // whether Salesforce rotates the refresh token; nil until the first refresh
	InstanceURL    string      `json:"instance_url,omitempty"`     // of the last refresh; "" until then
	StoredAt       time.Time   `json:"stored_at,omitzero"`         // when a person stored it
	RefreshedAt    time.Time   `json:"refreshed_at,omitzero"`      // when a refresh last changed it
}

// Target is the destination of an assertion, with its audience.
type Target struct {
	LoginURL string `json:"login_url"`
	Site     string `json:"site,omitempty"`
	Audience string `json:"audience"`
}

// Source says what made a grant, and so how a person makes it again.
type Source string

// The sources of a [Grant].
const (
	Stored        Source = ""      // a person or a program stored it
	Browser       Source = "login" // a login in the browser
	SalesforceCLI Source = "sf"    // a login of the Salesforce CLI, in the CLI's own files
)

// Seconds is a duration as stored items and the protocol encode it.
type Seconds int64

// Duration returns s as a time.Duration.
func (s Seconds) Duration() time.Duration { return time.Duration(s) * time.Second }

// grantItem is a Grant as stored. Its own fields hide those of the Grant that would encode
// as "[redacted]".
type grantItem struct {
	Version int `json:"version"`
	Grant
	ClientSecret string `json:"client_secret,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	PrivateKey   string `json:"private_key,omitempty"`
}

const grantVersion = 1

// LoadGrant reads org's grant. It returns the store's errors, and ErrCorrupt if the item is
// not a grant of that org.
func LoadGrant(ctx context.Context, s Store, org Org) (Grant, error) {
	key := Key{KindGrant, org}
	data, err := s.Get(ctx, key)
	if err != nil {
		return Grant{}, err
	}
	return DecodeGrant(key, data)
}

// DecodeGrant decodes the item under key, or returns ErrCorrupt. It is the inverse of
// EncodeGrant.
func DecodeGrant(key Key, data []byte) (Grant, error) {
	var item grantItem
	if err := json.Unmarshal(data, &item); err != nil {
		return Grant{}, decodingError(key)
	}
	if err := checkItem(key, item.Version, grantVersion, item.Org); err != nil {
		return Grant{}, err
	}
	g := item.Grant
	if g.Type == "" {
		g.Type = RefreshToken
	}
	if !g.Type.isKnown() {
		return Grant{}, corruptError(key, "the item has a grant of a type that this forcecred does not know", "update_forcecred_newer")
	}
	g.PrivateKey = secret.New(item.PrivateKey)
	g.ClientSecret = secret.New(item.ClientSecret)
	g.RefreshToken = secret.New(item.RefreshToken)
	return g, nil
}

// SaveGrant stores g, and replaces the org's grant. It returns the store's errors.
func SaveGrant(ctx context.Context, s Store, g Grant) error {
	data, err := EncodeGrant(g)
	if err != nil {
		return err
	}
	return s.Set(ctx, Key{KindGrant, g.Org}, data)
}

// EncodeGrant returns g as an item with its secrets in plain text.
func EncodeGrant(g Grant) ([]byte, error) {
	return json.Marshal(grantItem{
		Version:      grantVersion,
		Grant:        g,
		ClientSecret: g.ClientSecret.Reveal(),
		RefreshToken: g.RefreshToken.Reveal(),
		PrivateKey:   g.PrivateKey.Reveal(),
	})
}
