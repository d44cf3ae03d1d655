package sfcli

import (
	"context"

	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// withName returns the remedy of that code for a login of that name. A name that
// nothing is stored under may be anything, also a secret, and is repeated only if it
// is one of forcecred's own.
func withName(code remedy.Code, name string) remedy.Remedy {
	if _, err := keystore.ParseOrg(name); err != nil {
		name = ""
	}
	return remedy.Remedy{Code: code, Org: name}
}

// withUser returns the remedy of that code for the user of a login.
func withUser(code remedy.Code, l login) remedy.Remedy {
	return remedy.Remedy{Code: code, Username: l.user}
}

// withLogin returns the remedy of that code for a login, which was found by that name.
func withLogin(code remedy.Code, l login, name string) remedy.Remedy {
	return remedy.Remedy{Code: code, Org: name, Username: l.user, ClientApp: l.app}
}

// LogoutRemedy returns what ends the login of that name, and false if there is none.
func (s *Store) LogoutRemedy(ctx context.Context, org keystore.Org) (remedy.Remedy, bool) {
	l, err := s.find(ctx, keystore.Key{Kind: keystore.KindGrant, Org: org})
	if err != nil {
		return remedy.Remedy{}, false
	}
	return withLogin("sf_log_out", l, string(org)), true
}
