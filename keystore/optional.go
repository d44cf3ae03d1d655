package keystore

import "context"

// Methods that a store of another program's orgs has beside those of Store: its orgs may
// have names that ParseOrg refuses, and some of its orgs may be unusable.
type (
	orgParser interface {
		ParseOrg(name string) (Org, error)
	}
	unusableLister interface {
		Unusable(ctx context.Context) ([]error, error)
	}
)

// ParseOrgOf returns name as an org that the store can have. Its error does not quote the
// name.
func ParseOrgOf(s Store, name string) (Org, error) {
	if parser, ok := s.(orgParser); ok {
		return parser.ParseOrg(name)
	}
	return ParseOrg(name)
}

// Unusable returns an [*Error] for each org of the store that List leaves out, which names
// the org. The other error is the store's.
func Unusable(ctx context.Context, s Store) ([]error, error) {
	if lister, ok := s.(unusableLister); ok {
		return lister.Unusable(ctx)
	}
	return nil, nil
}
