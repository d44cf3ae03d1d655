package keystore

import "context"

// A store of another program's orgs has names that this package would give to
// none, and may have orgs that it can't use. It says so by these methods.
type (
	namer interface {
		ParseOrg(name string) (Org, error)
	}
	surveyor interface {
		Unusable(ctx context.Context) ([]error, error)
	}
)

// ParseOrgOf returns name as an org that the store can have. Its error does not
// quote the name.
func ParseOrgOf(s Store, name string) (Org, error) {
	if n, ok := s.(namer); ok {
		return n.ParseOrg(name)
	}
	return ParseOrg(name)
}

// Unusable returns why orgs that are in the store are not among its keys: an
// [*Error] for each, which names it. The other error is the store's.
func Unusable(ctx context.Context, s Store) ([]error, error) {
	if all, ok := s.(surveyor); ok {
		return all.Unusable(ctx)
	}
	return nil, nil
}
