package protocol

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// grantMembers are the members of a [StoreRequest] that only some grant types have.
var grantMembers = []struct {
	name  string
	isSet func(StoreRequest) bool
}{
	{"client_id", func(r StoreRequest) bool { return r.ClientID != "" }},
	{"client_secret", func(r StoreRequest) bool { return !r.ClientSecret.Empty() }},
	{"refresh_token", func(r StoreRequest) bool { return !r.RefreshToken.Empty() }},
	{"sfdx_auth_url", func(r StoreRequest) bool { return !r.SFDXAuthURL.Empty() }},
	{"username", func(r StoreRequest) bool { return r.Username != "" }},
	{"private_key", func(r StoreRequest) bool { return !r.PrivateKey.Empty() }},
	{"private_key_file", func(r StoreRequest) bool { return r.PrivateKeyFile != "" }},
	{"key_id", func(r StoreRequest) bool { return r.KeyID != "" }},
	{"audience", func(r StoreRequest) bool { return r.Audience != "" }},
}

// grantTypes lists the members that each grant type requires and allows.
var grantTypes = map[string]struct{ required, optional []string }{
	"refresh_token": {
		required: []string{"client_id", "refresh_token"},
		optional: []string{"client_secret", "username"},
	},
	"jwt_bearer": {
		required: []string{"client_id", "username"},
		optional: []string{"client_secret", "private_key", "private_key_file", "key_id", "audience"},
	},
	"client_credentials": {
		required: []string{"client_id", "client_secret"},
		optional: []string{"username"},
	},
}

// checkGrantType returns an error if a required member is missing or a member is not allowed.
func (r StoreRequest) checkGrantType() error {
	name := r.GrantType
	if name == "" {
		name = "refresh_token"
	}
	members, ok := grantTypes[name]
	if !ok {
		return errors.New("grant_type is not refresh_token, jwt_bearer or client_credentials")
	}
	if name == "refresh_token" && !r.SFDXAuthURL.Empty() {
		if r.LoginURL != "" || r.ClientID != "" || !r.ClientSecret.Empty() || !r.RefreshToken.Empty() {
			return errors.New("send sfdx_auth_url without login_url, client_id, client_secret and refresh_token, because it contains them")
		}
		members.required, members.optional = []string{"sfdx_auth_url"}, []string{"username"}
	}
	for _, m := range grantMembers {
		required := slices.Contains(members.required, m.name)
		switch {
		case required && !m.isSet(r):
			return fmt.Errorf("%s is missing", m.name)
		case m.isSet(r) && !required && !slices.Contains(members.optional, m.name):
			return fmt.Errorf("a %s grant has no %s", name, m.name)
		}
	}
	if name == "jwt_bearer" {
		return r.checkKey()
	}
	return nil
}

// checkKey returns an error unless the request has exactly one usable private key.
func (r StoreRequest) checkKey() error {
	switch {
	case r.PrivateKey.Empty() == (r.PrivateKeyFile == ""):
		return errors.New("exactly one of private_key and private_key_file is required")
	case r.PrivateKeyFile != "" && !filepath.IsAbs(r.PrivateKeyFile):
		return errors.New("private_key_file is not an absolute path")
	case strings.ContainsFunc(r.PrivateKeyFile+r.KeyID, isUnprintable):
		return errors.New("private_key_file or key_id contains control characters")
	}
	return nil
}
