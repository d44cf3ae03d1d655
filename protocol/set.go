package protocol

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"forcecred/protocol/secret"
)

// SetRequest changes the settings of a stored org. A field that is nil, "" or empty
// changes nothing.
type SetRequest struct {
	Org            string
	LoginURL       string
	AllowHost      bool    // LoginURL may name a host that is not Salesforce's
	Site           *string // "" for no site
	ClientSecret   secret.Text
	SessionTimeout *time.Duration // whole seconds; 0 if it is not known
	PrivateKeyFile string         // of a jwt_bearer grant, an absolute path; replaces a stored key
	KeyID          *string        // of a jwt_bearer grant; "" for none
	Audience       *string        // of a jwt_bearer grant; "" for the host where the org's users log in
}

// Check returns an error if the form of the request is wrong for an org with that type
// of grant.
func (r SetRequest) Check(grantType string) error {
	switch {
	case r.SessionTimeout != nil && (*r.SessionTimeout < 0 || *r.SessionTimeout > maxSessionTimeout):
		return fmt.Errorf("session_timeout is not between 0 and %d seconds", maxSessionTimeout/time.Second)
	case grantType != "jwt_bearer" && (r.PrivateKeyFile != "" || r.KeyID != nil || r.Audience != nil):
		return fmt.Errorf("the org has a %s grant, which has no private key, key id or audience", grantType)
	case r.PrivateKeyFile != "" && !filepath.IsAbs(r.PrivateKeyFile):
		return errors.New("private_key_file is not an absolute path")
	case strings.ContainsFunc(r.PrivateKeyFile, isUnprintable), r.KeyID != nil && strings.ContainsFunc(*r.KeyID, isUnprintable):
		return errors.New("private_key_file or key_id contains control characters")
	}
	return nil
}

// IsEmpty reports whether the request changes nothing.
func (r SetRequest) IsEmpty() bool {
	return r.LoginURL == "" && r.Site == nil && r.ClientSecret.Empty() && r.SessionTimeout == nil && r.PrivateKeyFile == "" && r.KeyID == nil && r.Audience == nil
}
