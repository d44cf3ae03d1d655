package helper

import (
	"errors"
	"fmt"
	"io/fs"

	"forcecred/internal/salesforce"
	"forcecred/internal/salesforce/credentials"
	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// salesforceGrant checks the grant, and returns it in the form of package salesforce. Its
// error names the field.
func (h *Helper) salesforceGrant(grant keystore.Grant) (salesforce.Grant, salesforce.Host, error) {
	host, err := salesforce.ParseHost(grant.LoginURL, grant.Site, grant.AllowHost)
	if err != nil {
		return nil, host, err
	}
	switch grant.Type {
	case keystore.JWTBearer:
		key, err := h.loadPrivateKey(grant)
		if err != nil {
			return nil, host, err
		}
		g := salesforce.JWTGrant{
			Host: host, ClientID: grant.ClientID, ClientSecret: grant.ClientSecret,
			Username: grant.Username, Key: key, KeyID: grant.KeyID, Audience: grant.Audience, AudienceURL: grant.AudienceURL,
		}
		// A host that is no longer allowed is not tried first.
		if accepted, err := salesforce.ParseHost(grant.Accepted.LoginURL, grant.Accepted.Site, grant.AllowHost); err == nil {
			g.Accepted = salesforce.Target{Host: accepted, Audience: grant.Accepted.Audience}
		}
		return g, host, g.Check()
	case keystore.ClientCredentials:
		g := salesforce.ClientGrant{Host: host, ClientID: grant.ClientID, ClientSecret: grant.ClientSecret}
		return g, host, g.Check()
	}
	return salesforce.RefreshGrant{
		Host: host, ClientID: grant.ClientID, ClientSecret: grant.ClientSecret, RefreshToken: grant.RefreshToken,
	}, host, nil
}

// checkCredentials checks the characters of the credentials in a request. Stored credentials
// are not checked again, because their refresh token may be from Salesforce.
func checkCredentials(grant keystore.Grant) error {
	for _, member := range []struct{ name, text string }{
		{"client_id", grant.ClientID},
		{"client_secret", grant.ClientSecret.Reveal()},
		{"refresh_token", grant.RefreshToken.Reveal()},
	} {
		if err := credentials.Check(member.text); err != nil {
			return fmt.Errorf("%s %w", member.name, err)
		}
	}
	return nil
}

// tokenHost returns the host that issued the grant's tokens: the one that accepted its last
// assertion, else the one where the org's users log in.
func tokenHost(grant keystore.Grant) (salesforce.Host, error) {
	if at := grant.Accepted; at.LoginURL != "" {
		return salesforce.ParseHost(at.LoginURL, at.Site, grant.AllowHost)
	}
	return salesforce.ParseHost(grant.LoginURL, grant.Site, grant.AllowHost)
}

// storedTarget returns a target in its stored form. The zero target stays zero.
func storedTarget(t salesforce.Target) keystore.Target {
	if t == (salesforce.Target{}) {
		return keystore.Target{}
	}
	return keystore.Target{LoginURL: t.Host.URL(), Site: t.Host.Site(), Audience: t.Audience}
}

// loadPrivateKey returns the grant's key, or reads the file that the grant names.
func (h *Helper) loadPrivateKey(grant keystore.Grant) (credentials.PrivateKey, error) {
	text, name := grant.PrivateKey, "private_key"
	if text.Empty() {
		name = "private_key_file " + grant.PrivateKeyFile
		var err error
		if text, err = h.readKey(grant.PrivateKeyFile); err != nil {
			return credentials.PrivateKey{}, keyError(grant.PrivateKeyFile, err)
		}
	}
	key, err := credentials.ParsePrivateKey(text)
	if err != nil {
		return key, fmt.Errorf("%s %w", name, err)
	}
	return key, nil
}

// keyError returns the error for a private key that cannot be read from path.
func keyError(path string, err error) error {
	e := &keystore.Error{}
	if cause, ok := errors.AsType[*keystore.Error](err); ok {
		*e = *cause
	} else {
		e.Reason, e.Err, e.Remedy = keystore.ErrUnavailable, err, remedy.To("see_key_file")
		if cause, ok := errors.AsType[*fs.PathError](err); ok && !errors.Is(err, fs.ErrPermission) { // which names the owner
			e.Err = fmt.Errorf("%s: %w", path, cause.Err)
		}
	}
	e.Op = "read the private key"
	return e
}

// usesRefreshToken reports whether the grant is a refresh token. The other grant types can
// be exchanged at any time.
func usesRefreshToken(grant keystore.Grant) bool { return grant.Type == keystore.RefreshToken }
