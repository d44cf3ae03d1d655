package agefile

import (
	"bytes"
	"context"
	"crypto/fips140"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"forcecred/internal/privatefile"
	"forcecred/internal/regularfile"
	"forcecred/keystore"
	"forcecred/protocol/remedy"

	"filippo.io/age"
)

// maxIdentity is the largest identity file, in bytes.
const maxIdentity = 64 << 10

// errNoIdentity says that there is no file, and nothing else: on it a new
// identity is made. A missing passphrase file must not look like it.
var errNoIdentity = errors.New("there is no age identity")

// identity opens items. New ones are encrypted for the first of the file.
type identity struct {
	all   []age.Identity
	first age.Recipient
}

// readIdentity returns the identity, which it reads once. The error is
// errNoIdentity when there is none.
func (s *Store) readIdentity() (*identity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cachedIdentity()
}

// needIdentity is readIdentity for a store that is about to be written: it
// makes the identity when there is none.
func (s *Store) needIdentity(ctx context.Context) (*identity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, err := s.cachedIdentity()
	if !errors.Is(err, errNoIdentity) {
		return known, err
	}
	folder := filepath.Dir(s.config.IdentityFile)
	if err := privatefile.MakeFolder(folder); err != nil {
		return nil, err
	}
	unlock, err := privatefile.Lock(ctx, s.config.IdentityFile+privatefile.LockSuffix)
	if err != nil {
		return nil, err
	}
	defer unlock()
	known, err = s.cachedIdentity()
	if !errors.Is(err, errNoIdentity) {
		return known, err // another process made it while this one waited
	}
	if used, err := s.hasItems(); err != nil {
		return nil, err
	} else if used {
		return nil, s.identityLost()
	}
	return s.makeIdentity(folder)
}

// cachedIdentity is for whoever holds s.mu.
func (s *Store) cachedIdentity() (*identity, error) {
	if s.identity != nil {
		return s.identity, nil
	}
	if fips140.Enforced() {
		return nil, notAllowed()
	}
	path := s.config.IdentityFile
	file, info, err := privatefile.Open(path, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoIdentity
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := checkIdentityFile(path, info); err != nil {
		return nil, err
	}
	data, err := privatefile.ReadAll(file, info, maxIdentity)
	if errors.Is(err, keystore.ErrCorrupt) {
		return nil, badIdentity(path, fmt.Sprintf("has more than %d bytes", maxIdentity))
	}
	if err != nil {
		return nil, err
	}
	if isEncrypted(data) {
		if data, err = s.openIdentity(data); err != nil {
			return nil, err
		}
	}
	s.identity, err = parseIdentity(path, data)
	return s.identity, err
}

func checkIdentityFile(path string, info fs.FileInfo) error {
	switch {
	case !privatefile.OwnedBy(info, os.Geteuid(), 0):
		return &keystore.Error{
			Reason: keystore.ErrUnavailable,
			Err:    fmt.Errorf("the age identity %s belongs to another user (%s), who can read all that it encrypts", path, regularfile.DescribeOwner(info)),
			Remedy: remedy.To("set_own_identity"),
		}
	case privatefile.OthersBits(info) != 0:
		return &keystore.Error{
			Reason: keystore.ErrUnavailable,
			Err:    fmt.Errorf("the age identity %s has mode %#o, so that others may have read it", path, info.Mode().Perm()),
			Remedy: remedy.Remedy{Code: "close_identity", Path: path},
		}
	}
	return nil
}

// notAllowed says that no age file opens in FIPS-only mode, whatever it was
// encrypted for: all have their content encrypted by ChaCha20-Poly1305. Without it,
// age's refusal would look like damage.
func notAllowed() error {
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    errors.New("age's X25519 and ChaCha20-Poly1305 are not allowed in FIPS-only mode (GODEBUG=fips140=only)"),
		Remedy: remedy.To("set_keyring_or_no_fips_only"),
	}
}

// parseIdentity reads a file with one identity or more, of the kinds that age has
// itself.
func parseIdentity(path string, data []byte) (*identity, error) {
	all, err := age.ParseIdentities(bytes.NewReader(data))
	if err != nil { // age's own words may quote the key
		return nil, badIdentity(path, "is not what age-keygen makes")
	}
	switch first := all[0].(type) {
	case *age.X25519Identity:
		return &identity{all, first.Recipient()}, nil
	case *age.HybridIdentity:
		return &identity{all, first.Recipient()}, nil
	}
	return nil, badIdentity(path, "begins with an identity of an unknown kind")
}

// badIdentity is of the store as a whole, and not the ErrCorrupt of one item.
func badIdentity(path, text string) error {
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    fmt.Errorf("the age identity %s %s", path, text),
		Remedy: remedy.To("restore_identity"),
	}
}

// identityLost says that there are items and no identity. A new one would make
// the loss look like a keystore that works.
func (s *Store) identityLost() error {
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    fmt.Errorf("the age identity %s is missing, which the items in %s were encrypted for", s.config.IdentityFile, s.path(storeFolder)),
		Remedy: remedy.Remedy{Code: "restore_identity_or_begin", Path: s.path(storeFolder)},
	}
}

// hasItems reports whether there is an item of any kind.
func (s *Store) hasItems() (bool, error) {
	entries, err := privatefile.ReadDir(s.path(storeFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return slices.ContainsFunc(entries, func(entry fs.DirEntry) bool {
		_, ok := parseItemName(entry.Name())
		return ok
	}), err
}

// makeIdentity writes a new identity into its folder. The caller holds the
// lock of it.
func (s *Store) makeIdentity(folder string) (*identity, error) {
	made, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	data := fmt.Appendf(nil, "# created: %s\n# public key: %s\n%s\n", time.Now().Format(time.RFC3339), made.Recipient(), made)
	if s.config.PassphraseFile != "" {
		if data, err = s.encryptIdentity(data); err != nil {
			return nil, err
		}
	}
	privatefile.SweepTemp(folder)
	if err := privatefile.Replace(folder, s.config.IdentityFile, data); err != nil {
		return nil, err
	}
	s.identity = &identity{[]age.Identity{made}, made.Recipient()}
	if s.config.Notify != nil {
		s.config.Notify("made the age identity " + s.config.IdentityFile + "; whoever has it can open the keystore, so back it up")
	}
	return s.identity, nil
}
