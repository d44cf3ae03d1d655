//go:build !windows

package osring

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"forcecred/keystore"
)

// hasPass reports that the library can run pass on this system.
const hasPass = true

// passDir returns the folder of the password store, as pass finds it itself.
func passDir() string {
	if dir := os.Getenv("PASSWORD_STORE_DIR"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".password-store")
}

// passReachable returns nil when the password store is there: the library looks
// for a file, and calls "not found" whatever keeps it from seeing one.
func passReachable() error {
	dir := passDir()
	_, err := os.Stat(filepath.Join(dir, ".gpg-id"))
	if errors.Is(err, fs.ErrNotExist) { // ours may have a key of its own
		_, err = os.Stat(filepath.Join(dir, service, ".gpg-id"))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return noPassStore()
	}
	if err == nil {
		_, err = os.ReadDir(filepath.Join(dir, service))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func noPassStore() error {
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    errors.New("there is no password store"),
		Hint:   "run `pass init` with the id of a GPG key, or see that the folder of the store is mounted",
	}
}

// maxWords is how much of what pass and gpg say is looked at.
const maxWords = 64 << 10

// runPass does something for which the library runs pass. It lets pass and gpg
// say what they have to in a file, in English: they are not heard on our
// stderr, and their words tell the reason of a failure. With NoPrompt gpg is
// told to ask nobody.
func (s *Store) runPass(do func() error) error {
	words, err := os.CreateTemp("", "forcecred-pass-*")
	if err != nil {
		return err
	}
	defer words.Close()
	// Best effort: it holds what gpg says, never what it decrypts.
	_ = os.Remove(words.Name())

	variables := map[string]string{"LC_ALL": "C.UTF-8"}
	if s.config.NoPrompt {
		variables["PASSWORD_STORE_GPG_OPTS"] = strings.TrimSpace(os.Getenv("PASSWORD_STORE_GPG_OPTS") + " --pinentry-mode=error")
	}
	for name, value := range variables {
		defer setenv(name, value)()
	}
	stderr := os.Stderr
	os.Stderr = words
	err = do()
	os.Stderr = stderr
	if err == nil {
		return nil
	}
	text := make([]byte, maxWords)
	n, _ := words.ReadAt(text, 0)
	return s.explainPass(err, string(text[:n]))
}

// setenv sets a variable of this process, which the library hands down, and
// returns what restores it. The names and values are ours, so that no call fails.
func setenv(name, value string) (restore func()) {
	before, was := os.LookupEnv(name)
	_ = os.Setenv(name, value)
	return func() {
		if was {
			_ = os.Setenv(name, before)
		} else {
			_ = os.Unsetenv(name)
		}
	}
}

// explainPass finds the reason of a failure in what pass and gpg said.
func (s *Store) explainPass(err error, words string) error {
	if e, ok := errors.AsType[*keystore.Error](s.explain(err)); ok && (e.Reason != keystore.ErrUnavailable || e == err) {
		return e
	}
	says := func(phrases ...string) bool {
		for _, phrase := range phrases {
			if strings.Contains(words, phrase) {
				return true
			}
		}
		return false
	}
	e := &keystore.Error{Reason: keystore.ErrUnavailable}
	switch {
	case says("pass init"):
		return noPassStore()
	case says("No secret key", "Inappropriate ioctl", "pinentry", "Operation cancelled", "Timeout", "Bad passphrase"):
		// gpg says "No secret key" of one that nobody unlocked as well.
		e.Reason, e.Err, e.Hint = keystore.ErrLocked, errors.New("the GPG key of the password store is locked, or is not there"),
			s.hintUnlock()+"; `gpg --list-secret-keys` shows which keys there are"
	case says("No public key", "Unusable public key", "encryption failed"):
		e.Err, e.Hint = errors.New("gpg can't encrypt to the key of the password store"), "see that gpg has and trusts the key in .gpg-id"
	case says("no valid OpenPGP data", "decrypt_message failed", "invalid packet", "unexpected data", "decryption failed"):
		e.Reason, e.Err, e.Hint = keystore.ErrCorrupt, errors.New("the item's file is damaged"), hintStoreAgain
	default:
		e.Err, e.Hint = errors.New("pass failed"), "run `pass show` on any item in a terminal, and see what it says"
	}
	return e
}
