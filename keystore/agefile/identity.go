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
	"forcecred/internal/text"
	"forcecred/keystore"
	"forcecred/protocol/remedy"

	"filippo.io/age"
)

// maxIdentity is the largest identity file, in bytes.
const maxIdentity = 64 << 10

// errNoIdentity says that the identity file is missing. The store then creates one, so no
// other error may be this one: not that of a missing passphrase file.
var errNoIdentity = errors.New("there is no age identity")

// identity is the content of an identity file. Any of its identities decrypts items; new
// items are encrypted for the first.
type identity struct {
	all       []age.Identity
	recipient age.Recipient
}

// readIdentity returns the identity, and reads it once. It returns errNoIdentity if there
// is none.
func (s *Store) readIdentity() (*identity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cachedIdentity()
}

// ensureIdentity returns the identity, and creates it if there is none.
func (s *Store) ensureIdentity(ctx context.Context) (*identity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	existing, err := s.cachedIdentity()
	if !errors.Is(err, errNoIdentity) {
		return existing, err
	}
	folder := filepath.Dir(s.config.IdentityFile)
	if err := privatefile.MakeFolder(folder); err != nil {
		return nil, err
	}
	lock, err := privatefile.Lock(ctx, s.config.IdentityFile+privatefile.LockSuffix)
	if err != nil {
		return nil, err
	}
	defer lock.Release()
	existing, err = s.cachedIdentity()
	if !errors.Is(err, errNoIdentity) {
		return existing, err // another process created it while this one waited
	}
	if hasItems, err := s.hasItems(); err != nil {
		return nil, err
	} else if hasItems {
		return nil, s.missingIdentityError()
	}
	return s.createIdentity(folder)
}

// cachedIdentity returns the identity. Its caller holds s.mu.
func (s *Store) cachedIdentity() (*identity, error) {
	if s.identity != nil {
		return s.identity, nil
	}
	if fips140.Enforced() {
		return nil, fipsError()
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
		return nil, identityError(path, fmt.Sprintf("has more than %d bytes", maxIdentity))
	}
	if err != nil {
		return nil, err
	}
	if data, err = text.Plain(data); err != nil {
		return nil, identityError(path, "is in UTF-16, not in UTF-8")
	}
	if isEncrypted(data) {
		if data, err = s.decryptIdentity(data); err != nil {
			return nil, err
		}
	}
	s.identity, err = parseIdentity(path, data)
	return s.identity, err
}

func checkIdentityFile(path string, info fs.FileInfo) error {
	switch {
	case !privatefile.IsOwnedBy(info, os.Geteuid(), 0):
		return &keystore.Error{
			Reason: keystore.ErrUnavailable,
			Err:    fmt.Errorf("the age identity %s belongs to another user (%s), who can read all that it encrypts", path, regularfile.DescribeOwner(info)),
			Remedy: remedy.To("set_own_identity"),
		}
	case privatefile.PermissionsOfOthers(info) != 0:
		return &keystore.Error{
			Reason: keystore.ErrUnavailable,
			Err:    fmt.Errorf("the age identity %s has mode %#o, so that others may have read it", path, info.Mode().Perm()),
			Remedy: remedy.Remedy{Code: "close_identity", Path: path},
		}
	}
	return nil
}

// fipsError says that no age file can be decrypted in FIPS-only mode, because age encrypts
// every file with ChaCha20-Poly1305. Without fipsError, age's own error would look like
// damage.
func fipsError() error {
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    errors.New("age's X25519 and ChaCha20-Poly1305 are not allowed in FIPS-only mode (GODEBUG=fips140=only)"),
		Remedy: remedy.To("set_keyring_or_no_fips_only"),
	}
}

// parseIdentity parses a file with one or more identities of age's own types.
func parseIdentity(path string, data []byte) (*identity, error) {
	all, err := age.ParseIdentities(bytes.NewReader(data))
	if err != nil { // age's own error may quote the key
		return nil, identityError(path, "is not what age-keygen makes")
	}
	switch first := all[0].(type) {
	case *age.X25519Identity:
		return &identity{all, first.Recipient()}, nil
	case *age.HybridIdentity:
		return &identity{all, first.Recipient()}, nil
	}
	return nil, identityError(path, "begins with an identity of an unknown type")
}

// identityError concerns the whole store, so it is not the ErrCorrupt of one item.
func identityError(path, text string) error {
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    fmt.Errorf("the age identity %s %s", path, text),
		Remedy: remedy.To("restore_identity"),
	}
}

// missingIdentityError says that there are items and no identity. A new identity would hide
// that loss.
func (s *Store) missingIdentityError() error {
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    fmt.Errorf("the age identity %s is missing, and the items in %s are encrypted for it", s.config.IdentityFile, s.path(storeFolder)),
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

// createIdentity writes a new identity into its folder. Its caller holds the identity's lock.
func (s *Store) createIdentity(folder string) (*identity, error) {
	created, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	data := fmt.Appendf(nil, "# created: %s\n# public key: %s\n%s\n", time.Now().Format(time.RFC3339), created.Recipient(), created)
	if s.config.PassphraseFile != "" {
		if data, err = s.encryptIdentity(data); err != nil {
			return nil, err
		}
	}
	privatefile.DeleteStaleTemp(folder)
	if err := privatefile.Replace(folder, s.config.IdentityFile, data); err != nil {
		return nil, err
	}
	s.identity = &identity{[]age.Identity{created}, created.Recipient()}
	if s.config.Notify != nil {
		s.config.Notify("created the age identity " + s.config.IdentityFile + "; whoever has it can decrypt the keystore, so back it up")
	}
	return s.identity, nil
}
