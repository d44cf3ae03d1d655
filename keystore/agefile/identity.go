package agefile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"forcecred/keystore"

	"filippo.io/age"
	"filippo.io/age/armor"
)

const (
	maxIdentity   = 64 << 10 // bytes
	maxPassphrase = 4 << 10  // bytes of the whole file
)

// errNoIdentity says that there is no file, and nothing else: on it a new
// identity is made. A missing passphrase file must not look like it.
var errNoIdentity = errors.New("there is no age identity")

// readIdentity returns the identity, which it reads once. The error is
// errNoIdentity when there is none.
func (s *Store) readIdentity() (*age.X25519Identity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cachedIdentity()
}

// needIdentity is readIdentity for a store that is about to be written: it
// makes the identity when there is none.
func (s *Store) needIdentity(ctx context.Context) (*age.X25519Identity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	identity, err := s.cachedIdentity()
	if !errors.Is(err, errNoIdentity) {
		return identity, err
	}
	folder := filepath.Dir(s.config.IdentityFile)
	if err := makeFolder(folder); err != nil {
		return nil, err
	}
	lock, err := lockFile(ctx, s.config.IdentityFile+lockSuffix)
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	identity, err = s.cachedIdentity()
	if !errors.Is(err, errNoIdentity) {
		return identity, err // another process made it while this one waited
	}
	if used, err := s.hasItems(); err != nil {
		return nil, err
	} else if used {
		return nil, s.identityLost()
	}
	return s.makeIdentity(folder)
}

// cachedIdentity is for whoever holds s.mu.
func (s *Store) cachedIdentity() (*age.X25519Identity, error) {
	if s.identity != nil {
		return s.identity, nil
	}
	path := s.config.IdentityFile
	file, info, err := openRegular(path, 0)
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
	data, err := readAll(file, info, maxIdentity)
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
	case !ownedBy(info, os.Geteuid(), 0):
		return &keystore.Error{
			Reason: keystore.ErrUnavailable,
			Err:    fmt.Errorf("the age identity %s belongs to another user, who can read all that it encrypts", path),
			Hint:   "let FORCECRED_KEY_FILE name an identity of your own",
		}
	case othersBits(info) != 0:
		return &keystore.Error{
			Reason: keystore.ErrUnavailable,
			Err:    fmt.Errorf("the age identity %s has mode %#o, so that others may have read it", path, info.Mode().Perm()),
			Hint:   "chmod 600 " + path + "; if others use this machine, take a new identity and store the orgs again",
		}
	}
	return nil
}

// intro is how a binary age file begins.
const intro = "age-encryption.org/"

func isEncrypted(data []byte) bool {
	return bytes.HasPrefix(data, []byte(intro)) || isArmored(data)
}

func isArmored(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte(armor.Header))
}

// openIdentity decrypts an identity with the passphrase.
func (s *Store) openIdentity(data []byte) ([]byte, error) {
	path := s.config.IdentityFile
	if s.config.PassphraseFile == "" {
		return nil, locked(fmt.Errorf("the age identity %s is encrypted with a passphrase", path))
	}
	passphrase, err := readPassphrase(s.config.PassphraseFile)
	if err != nil {
		return nil, err
	}
	unlock, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	var encrypted io.Reader = bytes.NewReader(data)
	if isArmored(data) {
		encrypted = armor.NewReader(encrypted)
	}
	r, err := age.Decrypt(encrypted, unlock)
	if noMatch := (*age.NoIdentityMatchError)(nil); errors.As(err, &noMatch) && slices.Contains(noMatch.StanzaTypes, "scrypt") {
		return nil, locked(fmt.Errorf("the passphrase in %s does not open the age identity %s", s.config.PassphraseFile, path))
	}
	if err == nil {
		data, err = io.ReadAll(r)
	}
	if err != nil { // age's own words may quote the file
		return nil, badIdentity(path, "is damaged or not encrypted with a passphrase")
	}
	return data, nil
}

func locked(err error) error {
	return &keystore.Error{
		Reason: keystore.ErrLocked,
		Err:    err,
		Hint:   "let FORCECRED_PASSPHRASE_FILE name a file whose first line is the passphrase of the identity",
	}
}

// readPassphrase returns the first line of a file. Its mode is not checked:
// secrets that Docker, Kubernetes or systemd mount are often readable by the
// group or by all, inside of a container or a service where that is nobody.
func readPassphrase(path string) (string, error) {
	file, info, err := openRegular(path, 0)
	if err != nil {
		return "", fmt.Errorf("read the passphrase: %w", err)
	}
	defer file.Close()
	data, err := readAll(file, info, maxPassphrase)
	if err != nil {
		return "", err
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 {
		return "", locked(fmt.Errorf("the first line of %s is empty", path))
	}
	return string(line), nil
}

// parseIdentity wants one X25519 identity: with several it would not be clear
// for which of them to encrypt.
func parseIdentity(path string, data []byte) (*age.X25519Identity, error) {
	identities, err := age.ParseIdentities(bytes.NewReader(data))
	if err != nil { // age's own words may quote the key
		return nil, badIdentity(path, "is not what age-keygen makes")
	}
	if len(identities) > 1 {
		return nil, badIdentity(path, "holds more than one identity")
	}
	identity, ok := identities[0].(*age.X25519Identity)
	if !ok {
		return nil, badIdentity(path, "is not an X25519 identity")
	}
	return identity, nil
}

func badIdentity(path, text string) error {
	return &keystore.Error{
		Reason: keystore.ErrCorrupt,
		Err:    fmt.Errorf("the age identity %s %s", path, text),
		Hint:   "restore the identity from a backup",
	}
}

// identityLost says that there are items and no identity. A new one would make
// the loss look like a keystore that works.
func (s *Store) identityLost() error {
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    fmt.Errorf("the age identity %s is missing, which the items in %s were encrypted for", s.config.IdentityFile, s.path(storeFolder)),
		Hint:   "restore the identity from a backup, or remove " + s.path(storeFolder) + " to begin anew",
	}
}

// hasItems reports whether there is an item of any kind.
func (s *Store) hasItems() (bool, error) {
	entries, err := os.ReadDir(s.path(storeFolder))
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
func (s *Store) makeIdentity(folder string) (*age.X25519Identity, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	data := fmt.Appendf(nil, "# created: %s\n# public key: %s\n%s\n", time.Now().Format(time.RFC3339), identity.Recipient(), identity)
	if s.config.PassphraseFile != "" {
		if data, err = s.encryptIdentity(data); err != nil {
			return nil, err
		}
	}
	sweepTemp(folder)
	if err := replaceFile(folder, s.config.IdentityFile, data); err != nil {
		return nil, err
	}
	s.identity = identity
	if s.config.Notify != nil {
		s.config.Notify("made the age identity " + s.config.IdentityFile + "; whoever has it can open the keystore, so back it up")
	}
	return identity, nil
}

func (s *Store) encryptIdentity(data []byte) ([]byte, error) {
	passphrase, err := readPassphrase(s.config.PassphraseFile)
	if err != nil {
		return nil, err
	}
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	if s.workFactor != 0 {
		recipient.SetWorkFactor(s.workFactor)
	}
	var encrypted bytes.Buffer
	armored := armor.NewWriter(&encrypted)
	w, err := age.Encrypt(armored, recipient)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := errors.Join(w.Close(), armored.Close()); err != nil {
		return nil, err
	}
	return encrypted.Bytes(), nil
}
