package helper

import (
	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// ofLogin returns r with the facts of a grant's login. The command that helps depends
// on them: what works for a login of forcecred's own is refused for one of the
// Salesforce CLI's, and the other way round.
func ofLogin(r remedy.Remedy, grant keystore.Grant) remedy.Remedy {
	r.Org, r.Username = string(grant.Org), grant.Username
	r.Source, r.GrantType = string(grant.Source), string(grant.Type)
	r.LoginURL, r.ClientID = grant.LoginURL+grant.Site, grant.ClientID
	r.ClientApp, r.KeyFile = grant.ClientApp, grant.PrivateKeyFile
	return r
}
