package setup

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/agefile"
	"forcecred/keystore/home"
	"forcecred/keystore/localfile"
	"forcecred/keystore/osring"
	"forcecred/protocol"
)

// Names of keystores that are not one of the platform's keyrings.
const (
	autoKeystore = "auto"
	fileKeystore = "file"
)

// chooseKeystore returns the name of the one keystore that is used: what the environment names, else what the first store
// pinned, else the best that answers here. Once there is a choice nothing falls
// back: with another keystore, all orgs would seem to be gone.
func (p Process) chooseKeystore(ctx context.Context, at home.Home) (string, error) {
	named := p.Getenv("FORCECRED_KEYSTORE")
	if named == autoKeystore {
		named = ""
	}
	if named != "" && !isKeystore(named) {
		return "", protocol.Errorf(protocol.Usage, "FORCECRED_KEYSTORE names no keystore; there are: %s", strings.Join(keystoreNames(), ", "))
	}
	pinned, err := at.Pinned()
	if err == nil && pinned != "" && !isKeystore(pinned) {
		err = &keystore.Error{Op: at.ConfigFile(), Reason: keystore.ErrUnavailable}
	}
	if err != nil {
		return "", &protocol.Error{
			Code: protocol.KeystoreUnavailable, Message: "find out which keystore is in use: " + err.Error(), Cause: err,
			Hint: "mend " + at.ConfigFile() + ", or let FORCECRED_KEYSTORE name the keystore",
		}
	}
	switch {
	case named != "":
		return named, nil
	case pinned != "":
		return pinned, nil
	}
	if backend, ok := osring.Detect(ctx); ok {
		return string(backend), nil
	}
	return fileKeystore, nil
}

func keystoreNames() []string {
	names := []string{autoKeystore, fileKeystore}
	for _, backend := range []osring.Backend{osring.Keychain, osring.WinCred, osring.SecretService, osring.KWallet, osring.Pass, osring.KeyCtl} {
		names = append(names, string(backend))
	}
	return names
}

func isKeystore(name string) bool {
	return name != autoKeystore && slices.Contains(keystoreNames(), name)
}

func (p Process) openKeystore(name string, at home.Home) (keystore.Store, error) {
	if name == fileKeystore {
		return agefile.New(agefile.Config{
			Dir:            at.Data,
			IdentityFile:   at.Identity,
			PassphraseFile: p.Getenv("FORCECRED_PASSPHRASE_FILE"),
			Notify:         p.Notice,
		}), nil
	}
	timeout, err := p.keyringTimeout()
	if err != nil {
		return nil, err
	}
	return osring.New(osring.Config{
		Backend:  osring.Backend(name),
		NoPrompt: p.Getenv("FORCECRED_NO_PROMPT") != "",
		Timeout:  timeout,
	}), nil
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
	at := h.home
	pinned, err := at.Pinned()
	if err == nil && pinned != "" {
		return nil // be it this keystore or another
	}
	if err == nil {
		err = localfile.MakeFolder(at.Data)
	}
	if err == nil {
		temp := filepath.Join(at.Data, "tmp")
		if err = localfile.EnsureFolder(temp); err == nil {
			err = localfile.Replace(temp, at.ConfigFile(), home.Config(h.keystore))
		}
	}
	if err != nil {
		return &protocol.Error{
			Code: protocol.KeystoreUnavailable, Message: "note which keystore is in use: " + err.Error(), Cause: err,
			Hint: "the org is stored in the keystore " + h.keystore + "; let FORCECRED_KEYSTORE name it",
		}
	}
	h.notice("secrets are kept in the keystore " + h.keystore + ", as " + at.ConfigFile() + " says from now on")
	return nil
}
