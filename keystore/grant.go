package keystore

import (
	"context"
	"encoding/json"
	"time"

	"forcecred/protocol/secret"
)

// GrantType says what an access token is got for.
type GrantType string

// The types of a [Grant]. The comment at each says which fields are its own.
const (
	RefreshToken      GrantType = "refresh_token"      // RefreshToken, Rotates
	JWTBearer         GrantType = "jwt_bearer"         // PrivateKey or PrivateKeyFile, KeyID, Audience, AudienceURL, Accepted; Username is the assertion's subject
	ClientCredentials GrantType = "client_credentials" // none; ClientSecret is not empty
)

// known reports whether this forcecred knows the type.
func (t GrantType) known() bool {
	return t == RefreshToken || t == JWTBearer || t == ClientCredentials
}

// Grant is what a user has granted in an org: everything that it takes to get
// an access token, until Salesforce revokes it.
type Grant struct {
	Org            Org         `json:"org"`
	Type           GrantType   `json:"grant_type,omitempty"` // absent where an item is older than the types: RefreshToken
	LoginURL       string      `json:"login_url"`            // https://login.salesforce.com
	AllowHost      bool        `json:"allow_host,omitempty"` // LoginURL is not one of Salesforce's; the user accepted it
	Source         Source      `json:"source,omitempty"`
	ClientApp      string      `json:"client_app,omitempty"` // of a login of the Salesforce CLI's: the app that is linked to the user, or ""
	Site           string      `json:"site,omitempty"`       // path of an Experience Cloud site: "" or /partners
	ClientID       string      `json:"client_id"`
	ClientSecret   secret.Text `json:"client_secret"` // empty for a public client
	RefreshToken   secret.Text `json:"refresh_token"`
	PrivateKey     secret.Text `json:"private_key"`                // PEM of an RSA key
	PrivateKeyFile string      `json:"private_key_file,omitempty"` // or where that lies: an absolute path, read at each use
	KeyID          string      `json:"key_id,omitempty"`           // names the key to Salesforce, in the assertion's kid; or ""
	Audience       string      `json:"audience,omitempty"`         // of the assertion; if it is "", several are tried
	AudienceURL    string      `json:"audience_url,omitempty"`     // one more audience to try, from the Salesforce CLI's environment
	Accepted       Target      `json:"accepted,omitzero"`          // where the last assertion was taken; tried first
	Username       string      `json:"username,omitempty"`         // for people only, but in a JWTBearer grant
	SessionTimeout Seconds     `json:"session_timeout,omitempty"`  // as configured by the user; 0 when not
	Rotates        *bool       `json:"rotates,omitempty"`          // nil until the first refresh showed it
	InstanceURL    string      `json:"instance_url,omitempty"`     // where the last refresh said that the org is; "" until then
	StoredAt       time.Time   `json:"stored_at,omitzero"`         // when a person stored it
	RefreshedAt    time.Time   `json:"refreshed_at,omitzero"`      // when a refresh last changed it
}

// Target is where an assertion goes, and whom it is for.
type Target struct {
	LoginURL string `json:"login_url"`
	Site     string `json:"site,omitempty"`
	Audience string `json:"audience"`
}

// Source says who made a login, and so by which command it is made again.
type Source string

// The sources of a [Grant].
const (
	Stored        Source = ""      // stored by a person or a program
	Browser       Source = "login" // by a login with the browser
	SalesforceCLI Source = "sf"    // the Salesforce CLI, whose login is used where it is
)

// Seconds is a length of time as it is stored and as the protocol speaks of it.
type Seconds int64

// Duration returns s as a time.Duration.
func (s Seconds) Duration() time.Duration { return time.Duration(s) * time.Second }

// grantItem is a Grant as stored: its own fields hide those of the Grant that
// would encode as "[redacted]". Only here are they revealed.
type grantItem struct {
	Version int `json:"version"`
	Grant
	ClientSecret string `json:"client_secret,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	PrivateKey   string `json:"private_key,omitempty"`
}

const grantVersion = 1

// LoadGrant reads org's grant. It returns the store's errors, and ErrCorrupt
// when the item is not a grant of that org.
func LoadGrant(ctx context.Context, s Store, org Org) (Grant, error) {
	key := Key{KindGrant, org}
	data, err := s.Get(ctx, key)
	if err != nil {
		return Grant{}, err
	}
	return DecodeGrant(key, data)
}

// DecodeGrant returns the grant of key's org that an item holds, as EncodeGrant
// makes it, or ErrCorrupt.
func DecodeGrant(key Key, data []byte) (Grant, error) {
	var item grantItem
	if err := json.Unmarshal(data, &item); err != nil {
		return Grant{}, errNotOurs(key)
	}
	if err := checkItem(key, item.Version, grantVersion, item.Org); err != nil {
		return Grant{}, err
	}
	g := item.Grant
	if g.Type == "" {
		g.Type = RefreshToken
	}
	if !g.Type.known() {
		return Grant{}, corrupt(key, "the item has a grant of a type that this forcecred does not know", "update_forcecred_newer")
	}
	g.PrivateKey = secret.New(item.PrivateKey)
	g.ClientSecret = secret.New(item.ClientSecret)
	g.RefreshToken = secret.New(item.RefreshToken)
	return g, nil
}

// SaveGrant writes g, replacing the org's grant. It returns the store's errors.
func SaveGrant(ctx context.Context, s Store, g Grant) error {
	data, err := EncodeGrant(g)
	if err != nil {
		return err
	}
	return s.Set(ctx, Key{KindGrant, g.Org}, data)
}

// EncodeGrant returns the item that a store keeps of g, its secrets included.
func EncodeGrant(g Grant) ([]byte, error) {
	return json.Marshal(grantItem{
		Version:      grantVersion,
		Grant:        g,
		ClientSecret: g.ClientSecret.Reveal(),
		RefreshToken: g.RefreshToken.Reveal(),
		PrivateKey:   g.PrivateKey.Reveal(),
	})
}
