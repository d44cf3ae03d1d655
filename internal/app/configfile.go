package app

import (
	"errors"
	"fmt"

	"forcecred/internal/config"
	"forcecred/internal/privatefile"
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
