// Package agefile stores items in age-encrypted files, for machines without a keyring.
package agefile

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"

	"forcecred/internal/privatefile"
	"forcecred/keystore"
)

// Config says where a store is.
type Config struct {
	Dir            string               // data folder, with the items in Dir/store, locks in Dir/locks, unfinished files in Dir/tmp
	IdentityFile   string               // age identity; the first Set creates a missing one
	PassphraseFile string               // its first line is the passphrase of an encrypted identity; or ""
	Notify         func(message string) // called when the identity was created; or nil
}

// Store is a [keystore.Store] in files, one for each item. `age -d -i IDENTITY FILE` decrypts
// each.
type Store struct {
	config     Config
	workFactor int // of a new passphrase identity: 2^workFactor; 0 is age's default, tests set less

	mu       sync.Mutex
	identity *identity // nil until it is needed

	locked sync.Map // the orgs whose lock was taken when the folder of the items was there
}

var _ keystore.Store = (*Store)(nil)

// New returns the store that config describes. It does no I/O.
func New(config Config) *Store { return &Store{config: config} }

// Get returns the item under key. It returns ErrNotFound, ErrLocked,
// ErrUnavailable or ErrCorrupt, or the context's error.
func (s *Store) Get(ctx context.Context, key keystore.Key) ([]byte, error) {
	item, err := s.get(ctx, key)
	if err != nil {
		return nil, keystore.Wrap("read "+key.Label(), err)
	}
	return item, nil
}

func (s *Store) get(ctx context.Context, key keystore.Key) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name, err := itemName(key)
	if err != nil {
		return nil, err
	}
	path := s.path(storeFolder, name)
	encrypted, err := readItem(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &keystore.Error{Reason: keystore.ErrNotFound}
	}
	if err != nil {
		return nil, err
	}
	identity, err := s.readIdentity()
	if errors.Is(err, errNoIdentity) {
		return nil, s.missingIdentityError()
	}
	if err != nil {
		return nil, err
	}
	return decryptItem(path, encrypted, identity)
}

// Set stores item under key. It returns ErrLocked, ErrUnavailable or ErrCorrupt (of the
// identity, not of the item), or the context's error.
func (s *Store) Set(ctx context.Context, key keystore.Key, item []byte) error {
	if err := s.set(ctx, key, item); err != nil {
		return keystore.Wrap("write "+key.Label(), err)
	}
	return nil
}

func (s *Store) set(ctx context.Context, key keystore.Key, item []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, err := itemName(key)
	if err != nil {
		return err
	}
	if _, wasThere := s.locked.Load(key.Org); wasThere && !s.hasFolder() {
		return errFolderGone(s.path(storeFolder))
	}
	for _, folder := range []string{storeFolder, tempFolder} {
		if err := privatefile.EnsureFolder(s.path(folder)); err != nil {
			return err
		}
	}
	identity, err := s.ensureIdentity(ctx)
	if err != nil {
		return err
	}
	encrypted, err := encryptItem(item, identity)
	if err != nil {
		return err
	}
	privatefile.DeleteStaleTemp(s.path(tempFolder))
	// An encrypted identity takes a second to decrypt, and a first one waits for a lock. The
	// caller may have given up meanwhile.
	if err := ctx.Err(); err != nil {
		return err
	}
	replace := privatefile.Replace
	if key.Kind.IsCache() {
		replace = privatefile.ReplaceCache
	}
	return replace(s.path(tempFolder), s.path(storeFolder, name), encrypted)
}

// Delete deletes the item under key. It returns ErrUnavailable, or the context's error.
func (s *Store) Delete(ctx context.Context, key keystore.Key) error {
	if err := s.remove(ctx, key); err != nil {
		return keystore.Wrap("remove "+key.Label(), err)
	}
	return nil
}

func (s *Store) remove(ctx context.Context, key keystore.Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, err := itemName(key)
	if err != nil {
		return err
	}
	return privatefile.Remove(s.path(storeFolder, name))
}

// List returns the keys of all items of that kind. It returns ErrUnavailable, or the
// context's error.
func (s *Store) List(ctx context.Context, kind keystore.Kind) ([]keystore.Key, error) {
	keys, err := s.keys(ctx, kind)
	if err != nil {
		return nil, keystore.Wrap("list the items", err)
	}
	return keys, nil
}

func (s *Store) keys(ctx context.Context, kind keystore.Kind) ([]keystore.Key, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := kind.Check(); err != nil {
		return nil, err
	}
	entries, err := privatefile.ReadDir(s.path(storeFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var keys []keystore.Key
	for _, entry := range entries {
		if key, ok := parseItemName(entry.Name()); ok && key.Kind == kind && entry.Type().IsRegular() {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// The folders below Config.Dir.
const (
	storeFolder = "store"
	locksFolder = "locks"
	tempFolder  = "tmp" // not in the store's folder, so that a search for unfinished files does not read all names
)

func (s *Store) path(elem ...string) string {
	return filepath.Join(append([]string{s.config.Dir}, elem...)...)
}
