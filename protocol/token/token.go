// Package token holds an access token with the other members of Salesforce's token response.
//
// Every type that carries a token embeds a [Token]: Salesforce's answer, the cached
// token, and the answer to a caller. To add a member, add one line to [Fields] and
// the field of the same name to the plugin's .proto file.
package token

import (
	"iter"
	"reflect"
	"strings"

	"forcecred/protocol/secret"
)

// Fields are the members of Salesforce's token response that forcecred stores and
// passes on. Each is a string, or an S if it is a secret. The names in JSON are
// Salesforce's, in the order in which forcecred prints them. All but the first three
// are "" if Salesforce did not send them.
//
// The refresh token is not among them, because it never leaves the grant.
type Fields[S secret.Text | string] struct {
	AccessToken    S      `json:"access_token"`
	TokenType      string `json:"token_type"`              // Bearer
	InstanceURL    string `json:"instance_url"`            // https://acme.my.salesforce.com, without a trailing slash
	ID             string `json:"id,omitempty"`            // https://login.salesforce.com/id/ORGID/USERID
	IssuedAt       string `json:"issued_at,omitempty"`     // milliseconds since 1970
	Signature      string `json:"signature,omitempty"`     // of ID and IssuedAt, by the client secret
	Scope          string `json:"scope,omitempty"`         // separated by single spaces
	IDToken        S      `json:"id_token,omitempty"`      // of OpenID Connect
	SiteURL        string `json:"sfdc_site_url,omitempty"` // of an Experience Cloud site
	SiteID         string `json:"sfdc_site_id,omitempty"`
	TokenFormat    string `json:"token_format,omitempty"` // "jwt", or "" for an opaque token
	APIInstanceURL string `json:"api_instance_url,omitempty"`
}

// Token is an access token as forcecred handles it: its secrets redact themselves.
type Token = Fields[secret.Text]

// Plain is a Token as encoders and decoders need it: its secrets are plain strings.
// Do not store one.
type Plain = Fields[string]

// Reveal returns t with its secrets as plain strings.
func Reveal(t Token) Plain {
	var p Plain
	from, to := reflect.ValueOf(t), reflect.ValueOf(&p).Elem()
	for i := range to.NumField() {
		if text, ok := from.Field(i).Interface().(secret.Text); ok {
			to.Field(i).SetString(text.Reveal())
		} else {
			to.Field(i).SetString(from.Field(i).String())
		}
	}
	return p
}

// Conceal returns the Token of which p is the plain form.
func Conceal(p Plain) Token {
	var t Token
	from, to := reflect.ValueOf(p), reflect.ValueOf(&t).Elem()
	for i := range to.NumField() {
		if text, ok := to.Field(i).Addr().Interface().(*secret.Text); ok {
			*text = secret.New(from.Field(i).String())
		} else {
			to.Field(i).SetString(from.Field(i).String())
		}
	}
	return t
}

// Members yields the name of each member in JSON, and where p holds its text.
func Members(p *Plain) iter.Seq2[string, *string] {
	return func(yield func(string, *string) bool) {
		v := reflect.ValueOf(p).Elem()
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if !yield(name, v.Field(i).Addr().Interface().(*string)) {
				return
			}
		}
	}
}
