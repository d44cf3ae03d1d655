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

// The name under which the CLI keeps its key, wherever that is.
const (
	keyService = "sfdx"
	keyAccount = "local"
)

// promptBudget is for a person who is asked to unlock the keyring.
const promptBudget = 60 * time.Second

// readKey returns the CLI's key, which it reads once. It returns ErrUnavailable
// when the key is not there, can't be read or is none, or the context's error.
func (s *Store) readKey(ctx context.Context) (*key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != nil {
		return s.key, nil
	}
	if fips140.Enforced() {
		return nil, errNotAllowed()
	}
	text, where, err := s.keyText(ctx)
	if err != nil {
		return nil, err
	}
	if s.key, err = newKey(text); err != nil {
		return nil, badKey(where, err.Error(), remedy.To("sf_key_and_log_in"))
	}
	return s.key, nil
}

// errNotAllowed says that no login of the CLI's opens in FIPS-only mode, where Go's
// AES-GCM takes no nonce from outside.
func errNotAllowed() error {
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    errors.New("the Salesforce CLI's AES-GCM, with nonces of its own, is not allowed in FIPS-only mode (GODEBUG=fips140=only)"),
		Remedy: remedy.To("sf_no_fips_only"),
	}
}

func badKey(where, text string, todo remedy.Remedy) error {
	return &keystore.Error{Reason: keystore.ErrUnavailable, Err: fmt.Errorf("the Salesforce CLI's key in %s %s", where, text), Remedy: todo}
}

// keyText returns the key, with the place where it was looked for. The CLI takes
// the same turns.
func (s *Store) keyText(ctx context.Context) (text secret.Text, where string, err error) {
	if runtime.GOOS == "windows" || s.config.GenericKeychain {
		return s.keyFile()
	}
	if runtime.GOOS == "darwin" {
		return s.askKeyring(ctx, "the macOS keychain", "/usr/bin/security", "find-generic-password", "-a", keyAccount, "-s", keyService, "-w")
	}
	tool := s.config.SecretTool
	if _, err := exec.LookPath(tool); err != nil {
		return s.keyFile()
	}
	return s.askKeyring(ctx, "the Secret Service", tool, "lookup", "user", keyAccount, "domain", keyService)
}

// keyFile reads the key from key.json, which has to be as closed as the CLI wants it.
func (s *Store) keyFile() (text secret.Text, path string, err error) {
	path = filepath.Join(s.config.Dir, "key.json")
	file, info, err := privatefile.Open(path, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return text, path, badKey(path, "is missing, which its logins were encrypted with", remedy.To("sf_no_key_file"))
	}
	if err != nil {
		return text, path, err
	}
	defer file.Close()
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode != 0o600 {
		return text, path, badKey(path, fmt.Sprintf("has mode %#o, where the Salesforce CLI wants 0600", mode), remedy.Remedy{Code: "close_key_file", Path: path})
	}
	data, err := privatefile.ReadAll(file, info, maxFile)
	if err != nil {
		return text, path, err
	}
	var content struct{ Account, Key, Service string }
	if json.Unmarshal(data, &content) != nil || content.Service != keyService || content.Account != keyAccount {
		return text, path, badKey(path, "is not what the Salesforce CLI writes", remedy.To("sf_key_and_log_in"))
	}
	return secret.New(content.Key), path, nil
}

// askKeyring runs the program that the CLI asks for its key. What the program
// says is not shown: it may be the key.
func (s *Store) askKeyring(ctx context.Context, where, program string, args ...string) (secret.Text, string, error) {
	limited, cancel := context.WithTimeout(ctx, promptBudget)
	defer cancel()
	cmd := exec.CommandContext(limited, program, args...)
	cmd.Env = s.config.Environ
	out, err := cmd.Output()
	text := strings.TrimRight(string(bytes.TrimSpace(out)), "\r\n")
	switch {
	case ctx.Err() != nil:
		return secret.Text{}, where, ctx.Err()
	case limited.Err() != nil:
		return secret.Text{}, where, badKey(where, "was not given within a minute", remedy.To("unlock_keyring"))
	case err != nil || text == "":
		return secret.Text{}, where, badKey(where, "can't be had: "+program+" does not find it, or the keyring is locked",
			remedy.To("sf_unlock_keyring"))
	}
	return secret.New(text), where, nil
}
