package agefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"forcecred/internal/privatefile"
	"forcecred/internal/text"
	"forcecred/keystore"
	"forcecred/protocol/remedy"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// maxPassphrase is the largest passphrase file, in bytes.
const maxPassphrase = 4 << 10

// binaryHeader begins a binary age file.
const binaryHeader = "age-encryption.org/"

func isEncrypted(data []byte) bool {
	return bytes.HasPrefix(data, []byte(binaryHeader)) || isArmored(data)
}

func isArmored(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte(armor.Header))
}

// decryptIdentity decrypts an identity with the passphrase.
func (s *Store) decryptIdentity(data []byte) ([]byte, error) {
	path := s.config.IdentityFile
	if s.config.PassphraseFile == "" {
		return nil, lockedError(fmt.Errorf("the age identity %s is encrypted with a passphrase", path))
	}
	passphrase, err := readPassphrase(s.config.PassphraseFile)
	if err != nil {
		return nil, err
	}
	scrypt, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	var encrypted io.Reader = bytes.NewReader(data)
	if isArmored(data) {
		encrypted = armor.NewReader(encrypted)
	}
	r, err := age.Decrypt(encrypted, scrypt)
	if noMatch := (*age.NoIdentityMatchError)(nil); errors.As(err, &noMatch) && slices.Contains(noMatch.StanzaTypes, "scrypt") {
		return nil, lockedError(fmt.Errorf("the passphrase in %s does not decrypt the age identity %s", s.config.PassphraseFile, path))
	}
	if err == nil {
		data, err = io.ReadAll(r)
	}
	if err != nil { // age's own error may quote the file
		return nil, identityError(path, "is damaged or not encrypted with a passphrase")
	}
	return data, nil
}

func lockedError(err error) error {
	return &keystore.Error{
		Reason: keystore.ErrLocked,
		Err:    err,
		Remedy: remedy.To("set_passphrase_file"),
	}
}

// readPassphrase returns the first line of a file. It does not check the file's mode: the
// group or the world can often read secrets that Docker, Kubernetes or systemd mount,
// because a container or a service has no other users.
func readPassphrase(path string) (string, error) {
	file, info, err := privatefile.Open(path, 0)
	if err != nil {
		return "", fmt.Errorf("read the passphrase: %w", err)
	}
	defer file.Close()
	data, err := privatefile.ReadAll(file, info, maxPassphrase)
	if errors.Is(err, keystore.ErrCorrupt) { // ErrCorrupt would be of an item
		return "", fmt.Errorf("%s has more than %d bytes", path, maxPassphrase)
	}
	if err != nil {
		return "", err
	}
	if data, err = text.Plain(data); err != nil {
		return "", fmt.Errorf("read the passphrase in %s: %w", path, err)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 {
		return "", lockedError(fmt.Errorf("the first line of %s is empty", path))
	}
	return string(line), nil
}

// encryptIdentity encrypts a new identity with the passphrase.
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
