// Package config finds forcecred's folder with the choices that its config.json pins.
package config

import (
	"fmt"
	"path/filepath"
)

// Home is where forcecred keeps its files. It holds no secret.
type Home struct {
	Data     string // the folder of items, locks, journal and configuration
	Identity string // the age identity file

	// User is the user's home directory, if Data or Identity lies in it by default.
	// It is not forcecred's to make. Else it is "".
	User string

	IsDataNamed     bool // by FORCECRED_HOME
	IsIdentityNamed bool // by FORCECRED_HOME or FORCECRED_KEY_FILE
}

// Find returns where the files lie on that system (a GOOS): all in
// FORCECRED_HOME, or where the system's own rules put a program's data and its
// configuration. The identity may be named by FORCECRED_KEY_FILE. All paths are
// absolute; a variable with another one is an error.
func Find(goos string, getenv func(string) string) (Home, error) {
	identity, err := Path(getenv, "FORCECRED_KEY_FILE")
	if err != nil {
		return Home{}, err
	}
	named, err := Path(getenv, "FORCECRED_HOME")
	if err != nil {
		return Home{}, err
	}
	if named != "" {
		if identity == "" {
			identity = filepath.Join(named, "identity.txt")
		}
		return Home{Data: named, Identity: identity, IsDataNamed: true, IsIdentityNamed: true}, nil
	}
	return byDefault(goos, getenv, identity)
}

// byDefault is Find without FORCECRED_HOME, for an identity that is "" if it is not named.
func byDefault(goos string, getenv func(string) string, identity string) (Home, error) {
	type place struct {
		variable string   // of a folder
		below    []string // in that folder
		isUser   bool     // the folder is the user's home directory
	}
	var data, config place
	switch goos {
	case "windows":
		data, config = place{variable: "LocalAppData"}, place{variable: "AppData"}
	case "darwin":
		data = place{"HOME", []string{"Library", "Application Support"}, true}
		config = data
	default:
		data, config = place{"HOME", []string{".local", "share"}, true}, place{"HOME", []string{".config"}, true}
		// The XDG rules say to ignore a path that is not absolute.
		if filepath.IsAbs(getenv("XDG_DATA_HOME")) {
			data = place{variable: "XDG_DATA_HOME"}
		}
		if filepath.IsAbs(getenv("XDG_CONFIG_HOME")) {
			config = place{variable: "XDG_CONFIG_HOME"}
		}
	}
	var at Home
	folderIn := func(p place) (string, error) {
		folder, err := Path(getenv, p.variable)
		switch {
		case err != nil:
			return "", err
		case folder == "":
			return "", fmt.Errorf("%s is not set; FORCECRED_HOME can name the folder for all files", p.variable)
		case p.isUser:
			at.User = folder
		}
		return filepath.Join(append(append([]string{folder}, p.below...), "forcecred")...), nil
	}
	var err error
	if at.Data, err = folderIn(data); err != nil {
		return Home{}, err
	}
	if at.Identity, at.IsIdentityNamed = identity, identity != ""; identity == "" {
		folder, err := folderIn(config)
		if err != nil {
			return Home{}, err
		}
		at.Identity = filepath.Join(folder, "identity.txt")
	}
	return at, nil
}
