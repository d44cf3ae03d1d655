package app

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"forcecred/helper"
	"forcecred/internal/config"
	"forcecred/keystore"
	"forcecred/keystore/agefile"
	"forcecred/keystore/journal"
	"forcecred/keystore/keyring"
	"forcecred/keystore/overlay"
	"forcecred/protocol"
)

// Names of keystores that are not one of the platform's keyrings.
const (
	autoKeystore = "auto"
	fileKeystore = "file"
	sfKeystore   = "sf" // the Salesforce CLI's own logins
)

// choice is the choice of the one keystore that the process uses.
type choice struct {
	name     string
	fallback string // the keystore for other orgs: sfKeystore, or ""
	isNamed  bool   // by the environment

	// fileErr is the error of config.json, if the environment names the keystore. Then
	// nobody knows whether there is a fallback. Else it is nil.
	fileErr error
}

// chooseKeystore chooses the keystore that the environment names, else the one that is
// pinned, else the best one of this system. It never chooses another one because the
// first does not answer: all orgs would seem to be gone.
func (a App) chooseKeystore(ctx context.Context, paths config.Paths) (choice, error) {
	named := a.Config.Keystore.Value
	if named == autoKeystore {
		named = ""
	}
	if named != "" && !isKeystore(named) {
		return choice{}, protocol.Errorf(protocol.Usage, "%s is not the name of a keystore; use one of %s", a.Config.Keystore.Name, strings.Join(keystoreNames(), ", "))
	}
	pinned, err := readFile(paths)
	switch {
	case named != "":
		return choice{named, pinned.Fallback, true, err}, nil
	case err != nil:
		return choice{}, &protocol.Error{
			Code: protocol.KeystoreUnavailable, Message: "find out which keystore is in use: " + err.Error(), Cause: err, Remedy: repairFileOrChoose(paths, err),
		}
	case pinned.Keystore != "":
		return choice{name: pinned.Keystore, fallback: pinned.Fallback}, nil
	}
	if backend, ok := keyring.Detect(ctx); ok {
		return choice{name: string(backend)}, nil
	}
	return choice{name: fileKeystore}, nil
}

func keystoreNames() []string {
	names := []string{autoKeystore, fileKeystore, sfKeystore}
	for _, backend := range []keyring.Backend{keyring.Keychain, keyring.WinCred, keyring.SecretService, keyring.KWallet, keyring.Pass, keyring.KeyCtl} {
		names = append(names, string(backend))
	}
	return names
}

func isKeystore(name string) bool {
	return name != autoKeystore && slices.Contains(keystoreNames(), name)
}

// openKeystore opens the chosen keystore with its journal.
func (a App) openKeystore(c choice, paths config.Paths) (keystore.Store, helper.Journal, error) {
	store, entries, err := a.openOne(c.name, paths)
	if err == nil && c.fileErr != nil && c.name != sfKeystore {
		store = &unknownFallback{Store: store, todo: repairFile(paths, c.fileErr), readErr: c.fileErr, warn: a.warn}
	}
	if err != nil || c.fallback == "" || c.name == c.fallback {
		return store, entries, err
	}
	second, secondEntries, err := a.openOne(c.fallback, paths)
	if err != nil {
		return nil, nil, err
	}
	both := &overlay.Store{First: store, Second: second}
	return both, overlayJournal{entries, secondEntries, both}, nil
}

func (a App) openOne(name string, paths config.Paths) (keystore.Store, helper.Journal, error) {
	if name == sfKeystore {
		return a.openSalesforceCLI(paths)
	}
	entries, err := a.journalOf(name, paths)
	if err != nil {
		return nil, nil, err
	}
	switch name {
	case fileKeystore:
		passphrase, err := a.Config.PassphraseFile.Path()
		if err != nil {
			return nil, nil, protocol.Errorf(protocol.Usage, "%v", err)
		}
		return agefile.New(agefile.Config{
			Dir:            paths.DataDir,
			IdentityFile:   paths.IdentityFile,
			PassphraseFile: passphrase,
			Notify:         a.Notice,
		}), entries, nil
	}
	if name == string(keyring.Pass) {
		if err := a.checkPassStore(); err != nil {
			return nil, nil, err
		}
	}
	timeout, err := a.Config.KeyringTimeout.Timeout()
	if err != nil {
		return nil, nil, protocol.Errorf(protocol.Usage, "%v", err)
	}
	return keyring.New(keyring.Config{
		Backend:  keyring.Backend(name),
		NoPrompt: a.Config.NoPrompt,
		Timeout:  timeout,
		Notify:   a.Notice,
	}), entries, nil
}

// journalOf returns the journal of a keystore that is not the Salesforce CLI's. Each keystore
// has a folder, so that a request to another keystore leaves its entries alone.
func (a App) journalOf(name string, paths config.Paths) (*journal.Journal, error) {
	all := filepath.Join(paths.DataDir, "journal")
	if name == string(keyring.Pass) {
		dir, err := a.Config.PasswordStore.Path()
		if err != nil {
			return nil, protocol.Errorf(protocol.Usage, "%v", err)
		}
		if dir != "" {
			digest := sha256.Sum256([]byte(dir))
			name += fmt.Sprintf("-%x", digest[:8])
		}
	}
	return &journal.Journal{Dir: filepath.Join(all, name), OldDir: all, KeepKey: name == fileKeystore}, nil
}

// checkPassStore returns an error if the path of the password store is relative, or in
// another user's folder: pass and gpg would create files and start an agent there. Its
// error is a [*protocol.Error].
func (a App) checkPassStore() error {
	dir, err := a.Config.PasswordStore.Path()
	isNamed := dir != ""
	if err == nil && !isNamed {
		dir, err = a.Config.UserHome.Path()
	}
	switch {
	case err != nil:
		return protocol.Errorf(protocol.Usage, "%v", err)
	case dir == "":
		return nil // pass itself reports that HOME is not set
	}
	return a.checkOwner(dir, isNamed)
}
