// Package sfcli opens the Salesforce CLI's own logins as a keystore, under the Salesforce CLI's own locks.
package sfcli

import (
	"context"
	"errors"
	"sync"

	"forcecred/keystore"
	"forcecred/keystore/sfcli/folderlock"
)

// Config says where the logins are, and what opens them.
type Config struct {
	Dir string // the Salesforce CLI's state folder, ~/.sfdx

	// Own stores what the CLI's files have no place for, by username or an encoding of one:
	// the cached tokens with their expiry, what refreshes showed of the grant, the key of a
	// journal entry. Its lock is taken before the CLI's.
	Own keystore.Store

	Audience        string   // SF_AUDIENCE_URL: one more audience to try, for logins by private key; or ""
	GenericKeychain bool     // the CLI's key is in Dir/key.json and not in a keyring
	SecretTool      string   // the program that asks a Linux keyring for the key
	Environ         []string // environment of SecretTool
}

// Store is a [keystore.Store] over the Salesforce CLI's auth files. An org's name is an
// alias of the CLI, or a username. A + and the name of a client app may follow; this is
// the app's login of the user. [Store.ParseOrg] says what a name can contain. Only the CLI
// adds and deletes logins: storing a new grant or deleting one is ErrForeign.
type Store struct {
	config Config

	mu       sync.Mutex
	key      *key                          // nil until it is needed
	ownNames map[keystore.Org]keystore.Org // names in config.Own, by the names of resolved logins

	// By the name in config.Own.
	snapshots     map[keystore.Org]snapshot
	rotationLocks map[keystore.Org]*folderlock.Lock // that this process holds
	writeLocks    map[keystore.Org]*folderlock.Lock // held until a refresh is stored completely
}

var _ keystore.Store = (*Store)(nil)

// New returns the store that config describes. It does no I/O.
func New(config Config) *Store {
	return &Store{
		config:        config,
		ownNames:      map[keystore.Org]keystore.Org{},
		snapshots:     map[keystore.Org]snapshot{},
		rotationLocks: map[keystore.Org]*folderlock.Lock{},
		writeLocks:    map[keystore.Org]*folderlock.Lock{},
	}
}

// Get returns the item under key. It returns ErrNotFound, ErrUnavailable (also if the
// CLI's key can't be read) or ErrCorrupt, or the context's error.
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

// readToken returns the login's cached token as the token of org.
func (s *Store) readToken(ctx context.Context, l login, org keystore.Org, api keystore.API) ([]byte, error) {
	token, err := keystore.LoadTokenFor(ctx, s.config.Own, l.own, api)
	if err != nil {
		return nil, err
	}
	token.Org = org
	return keystore.EncodeToken(token)
}

// Set stores item under key. Of a grant it stores only what a refresh changes. It returns
// ErrNotFound if the CLI has no such login, and ErrForeign if the grant is a new one or if
// the user has logged in again since it was read. Else it returns ErrUnavailable or
// ErrCorrupt, or the context's error.
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
	case keystore.KindDataCloud: // the CLI has no place for it
		token, err := keystore.DecodeToken(key, item)
		if err != nil {
			return err
		}
		token.Org = l.own
		return keystore.SaveToken(ctx, s.config.Own, token)
	case keystore.KindJournal:
		// The helper stores this key before it spends a refresh token: the last moment to
		// check that the auth file can take the next one.
		if err := s.checkWritable(ctx, l); err != nil {
			return err
		}
	}
	return s.config.Own.Set(ctx, keystore.Key{Kind: key.Kind, Org: l.own}, item)
}

// Delete deletes the item under key. It returns ErrForeign for a grant of the CLI, or
// ErrUnavailable, or the context's error.
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

// List returns the keys of all items of that kind. It lists a login's grant under one
// alias, or under the username if there is no alias. It lists the other items as
// config.Own does. It returns ErrUnavailable, or the context's error.
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

// OwnName returns the name in config.Own of the login that org resolved to last. If it was
// not resolved yet, OwnName takes org for a username.
func (s *Store) OwnName(org keystore.Org) keystore.Org {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name, ok := s.ownNames[org]; ok {
		return name
	}
	return ownName(string(org), "")
}
