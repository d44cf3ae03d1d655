// Package sfcli opens the Salesforce CLI's own logins as a keystore, under the Salesforce CLI's own locks.
package sfcli

import (
	"context"
	"errors"
	"sync"

	"forcecred/keystore"
)

// Config says where the logins are, and what opens them.
type Config struct {
	Dir string // the Salesforce CLI's folder of state, ~/.sfdx

	// Own keeps, by username or an encoding of one, what the CLI's files have no
	// place for: the answer of the last refresh with its expiry, what refreshes
	// showed of the grant, the key of a journal. Its lock is taken before the CLI's.
	Own keystore.Store

	Audience        string   // SF_AUDIENCE_URL: one more audience to try, for logins by private key; or ""
	GenericKeychain bool     // the CLI's key is in Dir/key.json and not in a keyring
	SecretTool      string   // the program that asks a Linux keyring for the key
	Environ         []string // that program's environment
}

// Store is a [keystore.Store] over the Salesforce CLI's auth files. An org's
// name is one of the CLI's aliases, or a username; with + and the name of a client
// app, that app's login of the user. See [Store.ParseOrg] for what a name can hold.
// Logins come and go by the CLI alone: storing and removing a grant is ErrForeign.
type Store struct {
	config Config

	mu    sync.Mutex
	key   *key                          // nil until it was needed
	users map[keystore.Org]keystore.Org // the name in config.Own, by each name that was asked for
	seen  map[keystore.Org]sighting     // by the name in config.Own, as the next two
	held  map[keystore.Org]*mkdirLock   // rotation locks that this process has
	write map[keystore.Org]*mkdirLock   // write locks that are held until a refresh is saved as a whole
}

var _ keystore.Store = (*Store)(nil)

// New returns the store that config describes. It does no I/O.
func New(config Config) *Store {
	return &Store{
		config: config,
		users:  map[keystore.Org]keystore.Org{},
		seen:   map[keystore.Org]sighting{},
		held:   map[keystore.Org]*mkdirLock{},
		write:  map[keystore.Org]*mkdirLock{},
	}
}

// Get returns the item under key. It returns ErrNotFound, ErrUnavailable (also
// when the CLI's key can't be had) or ErrCorrupt, or the context's error.
func (s *Store) Get(ctx context.Context, key keystore.Key) ([]byte, error) {
	item, err := s.get(ctx, key)
	if err != nil {
		return nil, keystore.Wrap("read "+key.Label(), err)
	}
	return item, nil
}

func (s *Store) get(ctx context.Context, key keystore.Key) ([]byte, error) {
	l, err := s.find(ctx, key)
	if err != nil {
		return nil, err
	}
	switch key.Kind {
	case keystore.KindGrant:
		grant, err := s.readGrant(ctx, l)
		if err != nil {
			return nil, err
		}
		grant.Org = key.Org
		return keystore.EncodeGrant(grant)
	case keystore.KindToken:
		return s.readToken(ctx, l, key.Org, keystore.OrgAPI)
	case keystore.KindDataCloud:
		return s.readToken(ctx, l, key.Org, keystore.DataCloud)
	}
	return s.config.Own.Get(ctx, keystore.Key{Kind: key.Kind, Org: l.own})
}

// readToken reads a cached token, which lies under the username, as the token of org.
func (s *Store) readToken(ctx context.Context, l login, org keystore.Org, api keystore.API) ([]byte, error) {
	token, err := keystore.LoadTokenFor(ctx, s.config.Own, l.own, api)
	if err != nil {
		return nil, err
	}
	token.Org = org
	return keystore.EncodeToken(token)
}

// Set stores item under key. Of a grant only what a refresh changes is stored.
// It returns ErrNotFound when the CLI has no such login, ErrForeign when the
// grant is a new one or the user has signed in anew since it was read,
// ErrUnavailable or ErrCorrupt, or the context's error.
func (s *Store) Set(ctx context.Context, key keystore.Key, item []byte) error {
	if err := s.set(ctx, key, item); err != nil {
		return keystore.Wrap("write "+key.Label(), err)
	}
	return nil
}

func (s *Store) set(ctx context.Context, key keystore.Key, item []byte) error {
	l, err := s.find(ctx, key)
	if err != nil {
		return err
	}
	switch key.Kind {
	case keystore.KindGrant:
		grant, err := keystore.DecodeGrant(key, item)
		if err != nil {
			return err
		}
		return s.saveGrant(ctx, l, grant)
	case keystore.KindToken:
		token, err := keystore.DecodeToken(key, item)
		if err != nil {
			return err
		}
		return s.saveToken(ctx, l, token)
	case keystore.KindDataCloud: // of which the CLI has no file
		token, err := keystore.DecodeToken(key, item)
		if err != nil {
			return err
		}
		token.Org = l.own
		return keystore.SaveToken(ctx, s.config.Own, token)
	case keystore.KindJournal:
		// It is stored before a refresh token is spent: the last moment to see
		// whether the file can be written that its successor has to go to.
		if err := s.proveWritable(ctx, l); err != nil {
			return err
		}
	}
	return s.config.Own.Set(ctx, keystore.Key{Kind: key.Kind, Org: l.own}, item)
}

// Delete removes the item under key. A grant that is there is the CLI's, and
// ErrForeign. Else it returns ErrUnavailable, or the context's error.
func (s *Store) Delete(ctx context.Context, key keystore.Key) error {
	if err := s.remove(ctx, key); err != nil {
		return keystore.Wrap("remove "+key.Label(), err)
	}
	return nil
}

func (s *Store) remove(ctx context.Context, key keystore.Key) error {
	l, err := s.find(ctx, key)
	if errors.Is(err, keystore.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if key.Kind == keystore.KindGrant {
		return &keystore.Error{
			Reason: keystore.ErrForeign,
			Err:    errors.New("the login is the Salesforce CLI's"),
			Remedy: withLogin("sf_log_out_to_remove", l, string(key.Org)),
		}
	}
	return s.config.Own.Delete(ctx, keystore.Key{Kind: key.Kind, Org: l.own})
}

// List returns the keys of all items of that kind. A login has one grant, under
// one of its aliases or, if it has none, its username; the other items are listed
// as config.Own has them. It returns ErrUnavailable, or the context's error.
func (s *Store) List(ctx context.Context, kind keystore.Kind) ([]keystore.Key, error) {
	var keys []keystore.Key
	var err error
	if kind == keystore.KindGrant {
		keys, err = s.grantKeys(ctx)
	} else {
		keys, err = s.config.Own.List(ctx, kind)
	}
	if err != nil {
		return nil, keystore.Wrap("list the items", err)
	}
	return keys, nil
}

// User returns the name under which the login that org stood for, when it was last
// asked for, has what is stored of it outside of the CLI's files: one of
// forcecred's own names. One that was not asked for is its own.
func (s *Store) User(org keystore.Org) keystore.Org {
	s.mu.Lock()
	defer s.mu.Unlock()
	if user, ok := s.users[org]; ok {
		return user
	}
	return ownName(string(org), "")
}
