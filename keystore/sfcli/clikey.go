package sfcli

import (
	"bytes"
	"context"
	"crypto/fips140"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"forcecred/internal/privatefile"
	"forcecred/keystore"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
)

// The CLI's names of its key, in a keyring and in key.json.
const (
	keyService = "sfdx"
	keyAccount = "local"
)

// promptTimeout is how long a person has to unlock the keyring.
const promptTimeout = 60 * time.Second

// readKey returns the CLI's key, and reads it once. It returns ErrUnavailable if the key is
// missing, unreadable or invalid, or the context's error.
func (s *Store) readKey(ctx context.Context) (*key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != nil {
		return s.key, nil
	}
	if fips140.Enforced() {
		return nil, fipsError()
	}
	text, where, err := s.keyText(ctx)
	if err != nil {
		return nil, err
	}
	if s.key, err = newKey(text); err != nil {
		return nil, keyError(where, err.Error(), remedy.To("sf_key_and_log_in"))
	}
	return s.key, nil
}

// fipsError says that no login of the CLI can be decrypted in FIPS-only mode: there Go's
// AES-GCM accepts no nonce from its caller.
func fipsError() error {
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    errors.New("the Salesforce CLI's AES-GCM, with nonces of its own, is not allowed in FIPS-only mode (GODEBUG=fips140=only)"),
		Remedy: remedy.To("sf_no_fips_only"),
	}
}

func keyError(where, text string, todo remedy.Remedy) error {
	return &keystore.Error{Reason: keystore.ErrUnavailable, Err: fmt.Errorf("the Salesforce CLI's key in %s %s", where, text), Remedy: todo}
}

// keyText returns the key as text, and where it is. It decides like the CLI.
func (s *Store) keyText(ctx context.Context) (text secret.Text, where string, err error) {
	if runtime.GOOS == "windows" || s.config.GenericKeychain {
		return s.readKeyFile()
	}
	if runtime.GOOS == "darwin" {
		return s.askKeyring(ctx, "the macOS keychain", "/usr/bin/security", "find-generic-password", "-a", keyAccount, "-s", keyService, "-w")
	}
	tool := s.config.SecretTool
	if _, err := exec.LookPath(tool); err != nil {
		return s.readKeyFile()
	}
	return s.askKeyring(ctx, "the Secret Service", tool, "lookup", "user", keyAccount, "domain", keyService)
}

// readKeyFile reads the key from key.json. Like the CLI, it requires the mode 0600.
func (s *Store) readKeyFile() (text secret.Text, path string, err error) {
	path = filepath.Join(s.config.Dir, "key.json")
	file, info, err := privatefile.Open(path, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return text, path, keyError(path, "is missing, and its logins are encrypted with it", remedy.To("sf_no_key_file"))
	}
	if err != nil {
		return text, path, err
	}
	defer file.Close()
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode != 0o600 {
		return text, path, keyError(path, fmt.Sprintf("has mode %#o, where the Salesforce CLI wants 0600", mode), remedy.Remedy{Code: "close_key_file", Path: path})
	}
	data, err := privatefile.ReadAll(file, info, maxFile)
	if err != nil {
		return text, path, err
	}
	var content struct{ Account, Key, Service string }
	if json.Unmarshal(data, &content) != nil || content.Service != keyService || content.Account != keyAccount {
		return text, path, keyError(path, "is not what the Salesforce CLI writes", remedy.To("sf_key_and_log_in"))
	}
	return secret.New(content.Key), path, nil
}

// askKeyring runs the program that the CLI gets its key from. It does not show what the
// program prints, because that may be the key.
func (s *Store) askKeyring(ctx context.Context, where, program string, args ...string) (secret.Text, string, error) {
	limited, cancel := context.WithTimeout(ctx, promptTimeout)
	defer cancel()
	cmd := exec.CommandContext(limited, program, args...)
	cmd.Env = s.config.Environ
	out, err := cmd.Output()
	text := strings.TrimRight(string(bytes.TrimSpace(out)), "\r\n")
	switch {
	case ctx.Err() != nil:
		return secret.Text{}, where, ctx.Err()
	case limited.Err() != nil:
		return secret.Text{}, where, keyError(where, "was not given within a minute", remedy.To("unlock_keyring"))
	case err != nil || text == "":
		return secret.Text{}, where, keyError(where, "can't be read: "+program+" does not find it, or the keyring is locked",
			remedy.To("sf_unlock_keyring"))
	}
	return secret.New(text), where, nil
}
