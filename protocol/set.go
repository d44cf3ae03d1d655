package protocol

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"forcecred/protocol/secret"
)

// SetRequest changes settings of a stored org. What is nil, "" or empty stays as
// it is.
type SetRequest struct {
	Org            string
	LoginURL       string
	AllowHost      bool    // LoginURL may name a host that is not Salesforce's
	Site           *string // "" is no site
	ClientSecret   secret.Text
	SessionTimeout *time.Duration // whole seconds; 0 is not known
	PrivateKeyFile string         // of a jwt_bearer grant, an absolute path; replaces a stored key
	KeyID          *string        // of a jwt_bearer grant; "" is none
	Audience       *string        // of a jwt_bearer grant; "" is where the org's users log in
}

// Check returns what is wrong with the form of the request, for an org with that
// type of grant.
func (r SetRequest) Check(grantType string) error {
	switch {
	case r.SessionTimeout != nil && (*r.SessionTimeout < 0 || *r.SessionTimeout > maxSessionTimeout):
		return fmt.Errorf("session_timeout is not between 0 and %d seconds", maxSessionTimeout/time.Second)
	case grantType != "jwt_bearer" && (r.PrivateKeyFile != "" || r.KeyID != nil || r.Audience != nil):
		return fmt.Errorf("the org has a grant of the type %s, which has no private key, key id or audience", grantType)
	case r.PrivateKeyFile != "" && !filepath.IsAbs(r.PrivateKeyFile):
		return errors.New("private_key_file is not an absolute path")
	case strings.ContainsFunc(r.PrivateKeyFile, isUnprintable), r.KeyID != nil && strings.ContainsFunc(*r.KeyID, isUnprintable):
		return errors.New("private_key_file or key_id has control characters")
	}
	return nil
}

// IsEmpty reports whether the request changes nothing.
func (r SetRequest) IsEmpty() bool {
	return r.LoginURL == "" && r.Site == nil && r.ClientSecret.Empty() && r.SessionTimeout == nil && r.PrivateKeyFile == "" && r.KeyID == nil && r.Audience == nil
}
