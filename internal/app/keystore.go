package app

import (
	"context"
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

// chosen is the one keystore that is used.
type chosen struct {
	name     string
	fallback string // sfKeystore when config.json says so, or ""
	isNamed  bool   // by the environment

	// unread is why config.json can't be read, of a keystore that the environment
	// names: whether there is a fallback is not known then. Else it is nil.
	unread error
}

// chooseKeystore returns what the environment names, else what the first store
// pinned, else the best that answers here. Once there is a choice nothing falls
// back: with another keystore, all orgs would seem to be gone.
func (a App) chooseKeystore(ctx context.Context, paths config.Paths) (chosen, error) {
	named := a.Config.Keystore.Value
	if named == autoKeystore {
		named = ""
	}
	if named != "" && !isKeystore(named) {
		return chosen{}, protocol.Errorf(protocol.Usage, "%s is not the name of a keystore; use one of %s", a.Config.Keystore.Name, strings.Join(keystoreNames(), ", "))
	}
	pinned, err := readFile(paths)
	switch {
	case named != "":
		return chosen{named, pinned.Fallback, true, err}, nil
	case err != nil:
		return chosen{}, &protocol.Error{
			Code: protocol.KeystoreUnavailable, Message: "find out which keystore is in use: " + err.Error(), Cause: err, Remedy: repairFileOrChoose(paths, err),
		}
	case pinned.Keystore != "":
		return chosen{name: pinned.Keystore, fallback: pinned.Fallback}, nil
	}
	if backend, ok := keyring.Detect(ctx); ok {
		return chosen{name: string(backend)}, nil
	}
	return chosen{name: fileKeystore}, nil
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

// openKeystore opens what was chosen, with the journal for what it does not take.
func (a App) openKeystore(c chosen, paths config.Paths) (keystore.Store, helper.Journal, error) {
	store, kept, err := a.openOne(c.name, paths)
	if err == nil && c.unread != nil && c.name != sfKeystore {
		store = &alone{Store: store, todo: repairFile(paths, c.unread), unread: c.unread, warn: a.warn}
	}
	if err != nil || c.fallback == "" || c.name == c.fallback {
		return store, kept, err
	}
	second, keptSecond, err := a.openOne(c.fallback, paths)
	if err != nil {
		return nil, nil, err
	}
	both := &overlay.Store{First: store, Second: second}
	return both, byOwner{kept, keptSecond, both}, nil
}

func (a App) openOne(name string, paths config.Paths) (keystore.Store, helper.Journal, error) {
	kept := &journal.Journal{Dir: filepath.Join(paths.DataDir, "journal")}
	switch name {
	case sfKeystore:
		return a.openSalesforceCLI(paths)
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
		}), kept, nil
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
	}), kept, nil
}

// checkPassStore returns an error if the password store is named by a path that is
// another folder in each folder, or is not this user's to change: pass and gpg
// would make files and start an agent there. Its error is a [*protocol.Error].
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
		return nil // pass says itself that it misses HOME
	}
	return a.checkIntrusion(dir, isNamed)
}
