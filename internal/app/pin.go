package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"forcecred/internal/config"
	"forcecred/internal/privatefile"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// errPinnedElsewhere is returned if config.json pins another keystore than the one in
// which this process has stored an org.
var errPinnedElsewhere = errors.New("config.json pins another keystore now")

// PinKeystore records the keystore that took the first org: all later processes use it,
// whatever other keystore they find. Its error is a [*protocol.Error].
func (h Helper) PinKeystore() error {
	c, paths := h.choice, h.paths
	changed, err := h.changeFile(func(file config.File) (config.File, error) {
		if file.Keystore == "" {
			file.Keystore = c.name
		}
		if file.Keystore != c.name && !c.isNamed {
			return file, fmt.Errorf("%w: %s", errPinnedElsewhere, file.Keystore)
		}
		return file, nil
	})
	switch {
	case errors.Is(err, errPinnedElsewhere):
		// Another process pinned it while this one waited, for a person or for a caller.
		return &protocol.Error{
			Code: protocol.KeystoreUnavailable, Message: fmt.Sprintf("the org is stored in the keystore %s, where no other process looks for it: %v", c.name, err), Cause: err,
			Remedy: remedy.Remedy{Code: "run_again_or_set_keystore", Name: c.name},
		}
	case err != nil && c.isNamed: // a named keystore needs no pin
		h.app.Notice("warning: only " + config.KeystoreVariable + " names the keystore " + c.name + ": " + err.Error())
		return nil
	case err != nil:
		return &protocol.Error{
			Code: protocol.KeystoreUnavailable, Message: "record which keystore is in use: " + err.Error(), Cause: err,
			Remedy: remedy.Remedy{Code: "set_keystore_now", Name: c.name},
		}
	case changed:
		h.app.Notice("credentials are stored in the keystore " + c.name + "; " + paths.ConfigFile() + " pins it")
	}
	return nil
}

// UseSalesforceCLI makes the Salesforce CLI's logins the fallback for orgs that are not in
// the keystore. Its error is a [*protocol.Error].
func (h Helper) UseSalesforceCLI() error {
	c, paths := h.choice, h.paths
	if c.name == sfKeystore {
		return protocol.Errorf(protocol.Usage, "the keystore in use already is the Salesforce CLI's logins")
	}
	pinned := ""
	_, err := h.changeFile(func(file config.File) (config.File, error) {
		file.Fallback = sfKeystore
		if file.Keystore == "" {
			file.Keystore = c.name
		}
		pinned = file.Keystore
		return file, nil
	})
	if err != nil {
		return &protocol.Error{Code: protocol.KeystoreUnavailable, Message: "record that the Salesforce CLI's logins are used: " + err.Error(), Cause: err, Remedy: repairFile(paths, err)}
	}
	h.app.Notice("warning: orgs that are not in the keystore " + pinned + " are now read from the Salesforce CLI's logins; " + paths.ConfigFile() + " pins this")
	return nil
}

// fileTimeout is far longer than another process needs to write config.json.
const fileTimeout = 5 * time.Second

// changeFile replaces the content of config.json by what change returns, and reports
// whether it differs. It reads the file again, because this process may have run for days,
// and locks it: of two changes at once, one would undo the other.
func (h Helper) changeFile(change func(config.File) (config.File, error)) (changed bool, err error) {
	before, err := readFile(h.paths)
	if err != nil {
		return false, err
	}
	if after, err := change(before); err != nil || after == before {
		return false, err
	}
	if err := privatefile.MakeFolder(h.paths.DataDir); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), fileTimeout)
	defer cancel()
	lock, err := privatefile.Lock(ctx, h.paths.ConfigFile()+privatefile.LockSuffix)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if before, err = readFile(h.paths); err != nil {
		return false, err
	}
	after, err := change(before)
	if err != nil || after == before {
		return false, err
	}
	return true, h.writeFile(after)
}

func (h Helper) writeFile(file config.File) error {
	temp := filepath.Join(h.paths.DataDir, "tmp")
	if err := privatefile.EnsureFolder(temp); err != nil {
		return err
	}
	return privatefile.Replace(temp, h.paths.ConfigFile(), file.Encode())
}
