package keystore

import (
	"context"
	"encoding/json"
	"time"

	"forcecred/protocol/token"
)

// API names the APIs that an access token is for.
type API string

// The APIs of Salesforce that a [Token] may be for.
const (
	OrgAPI    API = ""           // the org's own APIs, at its instance URL
	DataCloud API = "data-cloud" // the APIs of Data Cloud (Data 360), at the tenant's own URL
)

// kindOf has the kind of the token item of each API.
var kindOf = map[API]Kind{OrgAPI: KindToken, DataCloud: KindDataCloud}

// Token is a cached access token of an org.
type Token struct {
	Org Org
	For API
	token.Token
	Expiry
}

// Expiry says when a [Token] expires. All times are by this machine's clock.
type Expiry struct {
	RefreshedAt   time.Time `json:"refreshed_at"`
	ExpiresAt     time.Time `json:"expires_at"`
	ExpiresSource string    `json:"expires_source"`           // as in the protocol
	SessionLength Seconds   `json:"session_length,omitempty"` // as introspection has shown; 0 if unknown
	LearnedAt     time.Time `json:"learned_at,omitzero"`
}

// Key returns the key under which t is stored.
func (t Token) Key() Key { return Key{kindOf[t.For], t.Org} }

// tokenItem is a Token as stored. Its own AccessToken and IDToken hide those of the
// Plain, because items have always ended with these two.
type tokenItem struct {
	Version int `json:"version"`
	Org     Org `json:"org"`
	For     API `json:"for,omitempty"`
	token.Plain
	Expiry
	AccessToken string `json:"access_token"`
	IDToken     string `json:"id_token,omitempty"`
}

const tokenVersion = 1

// LoadToken reads org's cached token. It returns the store's errors, and ErrCorrupt if the
// item is not a token of that org.
func LoadToken(ctx context.Context, s Store, org Org) (Token, error) {
	return LoadTokenFor(ctx, s, org, OrgAPI)
}

// LoadTokenFor is LoadToken for that API. It returns ErrCorrupt for a token for another API.
func LoadTokenFor(ctx context.Context, s Store, org Org, api API) (Token, error) {
	key := Key{kindOf[api], org}
	data, err := s.Get(ctx, key)
	if err != nil {
		return Token{}, err
	}
	return DecodeToken(key, data)
}

// DecodeToken decodes the item under key, or returns ErrCorrupt. It is the inverse of
// EncodeToken.
func DecodeToken(key Key, data []byte) (Token, error) {
	var item tokenItem
	if err := json.Unmarshal(data, &item); err != nil {
		return Token{}, decodingError(key)
	}
	if err := checkItem(key, item.Version, tokenVersion, item.Org); err != nil {
		return Token{}, err
	}
	if kindOf[item.For] != key.Kind {
		return Token{}, corruptError(key, "the item has a token for another API", storeAgainCode)
	}
	item.Plain.AccessToken, item.Plain.IDToken = item.AccessToken, item.IDToken
	return Token{item.Org, item.For, token.Conceal(item.Plain), item.Expiry}, nil
}

// SaveToken stores t, and replaces the org's cached token for the same API. It returns the
// store's errors.
func SaveToken(ctx context.Context, s Store, t Token) error {
	data, err := EncodeToken(t)
	if err != nil {
		return err
	}
	return s.Set(ctx, t.Key(), data)
}

// EncodeToken returns t as an item with its secrets in plain text.
func EncodeToken(t Token) ([]byte, error) {
	plain := token.Reveal(t.Token)
	return json.Marshal(tokenItem{tokenVersion, t.Org, t.For, plain, t.Expiry, plain.AccessToken, plain.IDToken})
}
