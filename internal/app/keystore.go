package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"forcecred/helper"
	"forcecred/internal/config"
	"forcecred/internal/privatefile"
	"forcecred/keystore"
	"forcecred/keystore/agefile"
	"forcecred/keystore/fallback"
	"forcecred/keystore/journal"
	"forcecred/keystore/keyring"
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
func (p Process) chooseKeystore(ctx context.Context, at config.Home) (chosen, error) {
	named := p.Getenv("FORCECRED_KEYSTORE")
	if named == autoKeystore {
		named = ""
	}
	if named != "" && !isKeystore(named) {
		return chosen{}, protocol.Errorf(protocol.Usage, "FORCECRED_KEYSTORE names no keystore; there are: %s", strings.Join(keystoreNames(), ", "))
	}
	pinned, err := readPin(at)
	switch {
	case named != "":
		return chosen{named, pinned.Fallback, true, err}, nil
	case err != nil:
		e := &protocol.Error{Code: protocol.KeystoreUnavailable, Message: "find out which keystore is in use: " + err.Error(), Cause: err, Hint: hintConfig(at, err)}
		if privatefile.HintRefused(err) == "" { // else the rest of the folder is refused as well
			e.Hint += ", or let FORCECRED_KEYSTORE name the keystore"
		}
		return chosen{}, e
	case pinned.Keystore != "":
		return chosen{name: pinned.Keystore, fallback: pinned.Fallback}, nil
	}
	if backend, ok := keyring.Detect(ctx); ok {
		return chosen{name: string(backend)}, nil
	}
	return chosen{name: fileKeystore}, nil
}

// readPin returns what config.json says, if this forcecred knows what it names.
func readPin(at config.Home) (config.Pin, error) {
	pinned, err := at.Pinned()
	if err == nil && (pinned.Keystore != "" && !isKeystore(pinned.Keystore) || pinned.Fallback != "" && pinned.Fallback != sfKeystore) {
		err = fmt.Errorf("%s names a keystore that this forcecred does not know", at.ConfigFile())
	}
	if err != nil {
		return config.Pin{}, err
	}
	return pinned, nil
}

// hintConfig returns what to do about a config.json that can't be read.
func hintConfig(at config.Home, err error) string {
	if hint := privatefile.HintRefused(err); hint != "" {
		return hint
	}
	if errors.Is(err, config.ErrNewer) {
		return "update forcecred"
	}
	return "fix or delete " + at.ConfigFile()
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
func (p Process) openKeystore(c chosen, at config.Home) (keystore.Store, helper.Journal, error) {
	store, kept, err := p.openOne(c.name, at)
	if err == nil && c.unread != nil && c.name != sfKeystore {
		store = &alone{Store: store, hint: hintConfig(at, c.unread), unread: c.unread, notice: p.Notice}
	}
	if err != nil || c.fallback == "" || c.name == c.fallback {
		return store, kept, err
	}
	second, keptSecond, err := p.openOne(c.fallback, at)
	if err != nil {
		return nil, nil, err
	}
	both := &fallback.Store{First: store, Second: second}
	return both, byOwner{kept, keptSecond, both}, nil
}

func (p Process) openOne(name string, at config.Home) (keystore.Store, helper.Journal, error) {
	kept := &journal.Journal{Dir: filepath.Join(at.Data, "journal")}
	switch name {
	case sfKeystore:
		return p.openSalesforceCLI(at)
	case fileKeystore:
		passphrase, err := config.Path(p.Getenv, "FORCECRED_PASSPHRASE_FILE")
		if err != nil {
			return nil, nil, protocol.Errorf(protocol.Usage, "%v", err)
		}
		return agefile.New(agefile.Config{
			Dir:            at.Data,
			IdentityFile:   at.Identity,
			PassphraseFile: passphrase,
			Notify:         p.Notice,
		}), kept, nil
	}
	if name == string(keyring.Pass) {
		if err := p.checkPassStore(); err != nil {
			return nil, nil, err
		}
	}
	timeout, err := p.keyringTimeout()
	if err != nil {
		return nil, nil, err
	}
	return keyring.New(keyring.Config{
		Backend:  keyring.Backend(name),
		NoPrompt: p.Getenv("FORCECRED_NO_PROMPT") != "",
		Timeout:  timeout,
		Notify:   p.Notice,
	}), kept, nil
}

// checkPassStore returns an error if the password store is named by a path that is
// another folder in each folder, or is not this user's to change: pass and gpg
// would make files and start an agent there. Its error is a [*protocol.Error].
func (p Process) checkPassStore() error {
	variable := "PASSWORD_STORE_DIR"
	dir, err := config.Path(p.Getenv, variable)
	isNamed := dir != ""
	if err == nil && !isNamed {
		variable = "HOME"
		dir, err = config.Path(p.Getenv, variable)
	}
	switch {
	case err != nil:
		return protocol.Errorf(protocol.Usage, "%v", err)
	case dir == "":
		return nil // pass says itself that it misses HOME
	}
	return p.checkIntrusion(dir, isNamed)
}

// maxKeyringTimeout is longer than any caller waits.
const maxKeyringTimeout = 10 * time.Minute

// keyringTimeout returns how long one operation of a keyring may take, or 0
// where the environment leaves that to the keyring.
func (p Process) keyringTimeout() (time.Duration, error) {
	value := p.Getenv("FORCECRED_KEYRING_TIMEOUT")
	if value == "" {
		return 0, nil
	}
	timeout, err := time.ParseDuration(value)
	if err != nil || timeout <= 0 || timeout > maxKeyringTimeout {
		return 0, protocol.Errorf(protocol.Usage, "FORCECRED_KEYRING_TIMEOUT is to be a duration such as 20s, of at most 10m")
	}
	return timeout, nil
}

// Pin makes the keystore of the first store that of all that follow, whatever
// else answers by then. Its error is a [*protocol.Error].
func (h Helper) Pin() error {
	c, at := h.keystore, h.home
	pin, err := readPin(at) // by now, and not when a process that may live for days began
	if err == nil && pin.Keystore != "" {
		return nil
	}
	if err == nil {
		pin.Keystore = c.name
		err = h.writeConfig(pin)
	}
	switch {
	case err != nil && c.isNamed: // which needs no pin
		h.process.Notice("warning: only FORCECRED_KEYSTORE names the keystore " + c.name + ": " + err.Error())
		return nil
	case err != nil:
		return &protocol.Error{
			Code: protocol.KeystoreUnavailable, Message: "note which keystore is in use: " + err.Error(), Cause: err,
			Hint: "the org is stored in the keystore " + c.name + "; let FORCECRED_KEYSTORE name it",
		}
	}
	h.process.Notice("secrets are kept in the keystore " + c.name + ", as " + at.ConfigFile() + " says from now on")
	return nil
}

// UseSalesforceCLI lets an org that is not in the keystore be one of the
// Salesforce CLI's, from now on. Its error is a [*protocol.Error].
func (h Helper) UseSalesforceCLI() error {
	c, at := h.keystore, h.home
	if c.name == sfKeystore {
		return protocol.Errorf(protocol.Usage, "the keystore in use is the Salesforce CLI's own logins already")
	}
	pin, err := readPin(at)
	if err == nil {
		pin.Fallback = sfKeystore
		if pin.Keystore == "" {
			pin.Keystore = c.name
		}
		err = h.writeConfig(pin)
	}
	if err != nil {
		return &protocol.Error{Code: protocol.KeystoreUnavailable, Message: "note that the Salesforce CLI's logins are used: " + err.Error(), Cause: err, Hint: hintConfig(at, err)}
	}
	h.process.Notice("warning: an org that is not in the keystore " + pin.Keystore + " is looked for among the Salesforce CLI's logins, as " + at.ConfigFile() + " says from now on")
	return nil
}

func (h Helper) writeConfig(pin config.Pin) error {
	if err := privatefile.MakeFolder(h.home.Data); err != nil {
		return err
	}
	temp := filepath.Join(h.home.Data, "tmp")
	if err := privatefile.EnsureFolder(temp); err != nil {
		return err
	}
	return privatefile.Replace(temp, h.home.ConfigFile(), config.Config(pin))
}
