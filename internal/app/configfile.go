package app

import (
	"errors"
	"fmt"
	"path/filepath"

	"forcecred/internal/config"
	"forcecred/internal/privatefile"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// readFile reads config.json. A keystore that this forcecred does not know is an error.
func readFile(paths config.Paths) (config.File, error) {
	file, err := paths.ReadFile()
	if err == nil && (file.Keystore != "" && !isKeystore(file.Keystore) || file.Fallback != "" && file.Fallback != sfKeystore) {
		err = fmt.Errorf("%s names a keystore that this forcecred does not know", paths.ConfigFile())
	}
	if err != nil {
		return config.File{}, err
	}
	return file, nil
}

// repairFile returns what to do about a config.json that can't be read.
func repairFile(paths config.Paths, err error) remedy.Remedy {
	if todo := privatefile.RemedyOf(err); !todo.IsZero() {
		return todo
	}
	if errors.Is(err, config.ErrNewer) {
		return remedy.To("update_forcecred")
	}
	return remedy.Remedy{Code: "fix_or_delete_config", Path: paths.ConfigFile()}
}

// repairFileOrChoose is repairFile for a command that does not need the file if a variable
// names the keystore.
func repairFileOrChoose(paths config.Paths, err error) remedy.Remedy {
	todo := repairFile(paths, err)
	switch todo.Code {
	case "update_forcecred":
		todo.Code = "update_or_set_keystore"
	case "fix_or_delete_config":
		todo.Code = "fix_config_or_set_keystore"
	}
	return todo // of any other error: to choose a keystore does not help against it
}

// PinKeystore records the keystore that took the first org: all later processes use it,
// whatever other keystore they find. Its error is a [*protocol.Error].
func (h Helper) PinKeystore() error {
	c, paths := h.choice, h.paths
	file, err := readFile(paths) // again: this process may have run for days
	if err == nil && file.Keystore != "" {
		return nil
	}
	if err == nil {
		file.Keystore = c.name
		err = h.writeFile(file)
	}
	switch {
	case err != nil && c.isNamed: // a named keystore needs no pin
		h.app.Notice("warning: only " + config.KeystoreVariable + " names the keystore " + c.name + ": " + err.Error())
		return nil
	case err != nil:
		return &protocol.Error{
			Code: protocol.KeystoreUnavailable, Message: "record which keystore is in use: " + err.Error(), Cause: err,
			Remedy: remedy.Remedy{Code: "set_keystore_now", Name: c.name},
		}
	}
	h.app.Notice("credentials are stored in the keystore " + c.name + "; " + paths.ConfigFile() + " pins it")
	return nil
}

// UseSalesforceCLI makes the Salesforce CLI's logins the fallback for orgs that are not in
// the keystore. Its error is a [*protocol.Error].
func (h Helper) UseSalesforceCLI() error {
	c, paths := h.choice, h.paths
	if c.name == sfKeystore {
		return protocol.Errorf(protocol.Usage, "the keystore in use already is the Salesforce CLI's logins")
	}
	file, err := readFile(paths)
	if err == nil {
		file.Fallback = sfKeystore
		if file.Keystore == "" {
			file.Keystore = c.name
		}
		err = h.writeFile(file)
	}
	if err != nil {
		return &protocol.Error{Code: protocol.KeystoreUnavailable, Message: "record that the Salesforce CLI's logins are used: " + err.Error(), Cause: err, Remedy: repairFile(paths, err)}
	}
	h.app.Notice("warning: orgs that are not in the keystore " + file.Keystore + " are now read from the Salesforce CLI's logins; " + paths.ConfigFile() + " pins this")
	return nil
}

func (h Helper) writeFile(file config.File) error {
	if err := privatefile.MakeFolder(h.paths.DataDir); err != nil {
		return err
	}
	temp := filepath.Join(h.paths.DataDir, "tmp")
	if err := privatefile.EnsureFolder(temp); err != nil {
		return err
	}
	return privatefile.Replace(temp, h.paths.ConfigFile(), file.Encode())
}
