package sfcli

import (
	"context"

	"forcecred/keystore"
)

// Account is what a login of the CLI's tells without its key.
type Account struct {
	Org      keystore.Org // its first alias, or its username
	Username string
	ClientID string
}

// Accounts returns the CLI's logins, but for those that can't be read. It returns
// ErrUnavailable, or the context's error.
func (s *Store) Accounts(ctx context.Context) ([]Account, error) {
	keys, err := s.grantKeys(ctx)
	if err != nil {
		return nil, keystore.Wrap("list the Salesforce CLI's logins", err)
	}
	var all []Account
	for _, key := range keys {
		l, err := s.find(ctx, key)
		if err != nil {
			continue
		}
		o, err := readAuth(ctx, l)
		if err != nil {
			continue
		}
		if o, err = l.members(o); err != nil {
			continue
		}
		client, _ := o.text(clientIDMember) // readAuth has seen that the file is an object
		if client == "" {
			client = defaultClientID
		}
		all = append(all, Account{key.Org, l.user, client})
	}
	return all, nil
}
