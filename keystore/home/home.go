// Package home finds forcecred's folder with the choices that its config.json pins.
package home

import (
	"errors"
	"fmt"
	"path/filepath"
)

// Home is where forcecred keeps its files. It holds no secret.
type Home struct {
	Data     string // the folder of items, locks, journal and configuration
	Identity string // the age identity file
}

// Find returns where the files lie on that system (a GOOS): all in
// FORCECRED_HOME, or where the system's own rules put a program's data and its
// configuration. The identity may be named by FORCECRED_KEY_FILE.
func Find(goos string, getenv func(string) string) (Home, error) {
	at, err := byDefault(goos, getenv)
	if home := getenv("FORCECRED_HOME"); home != "" {
		if !filepath.IsAbs(home) {
			return Home{}, errors.New("FORCECRED_HOME is not an absolute path")
		}
		at, err = Home{home, filepath.Join(home, "identity.txt")}, nil
	}
	if file := getenv("FORCECRED_KEY_FILE"); file != "" {
		at.Identity = file
	}
	return at, err
}

func byDefault(goos string, getenv func(string) string) (Home, error) {
	var data, config string
	switch goos {
	case "windows":
		data, config = getenv("LocalAppData"), getenv("AppData")
	case "darwin":
		data = under(getenv("HOME"), "Library", "Application Support")
		config = data
	default:
		data = xdg(getenv("XDG_DATA_HOME"), getenv("HOME"), ".local", "share")
		config = xdg(getenv("XDG_CONFIG_HOME"), getenv("HOME"), ".config")
	}
	if data == "" || config == "" {
		missing := map[string]string{"windows": "LocalAppData or AppData"}[goos]
		if missing == "" {
			missing = "HOME"
		}
		return Home{}, fmt.Errorf("%s is not set; FORCECRED_HOME can name the folder for all files", missing)
	}
	return Home{filepath.Join(data, "forcecred"), filepath.Join(config, "forcecred", "identity.txt")}, nil
}

// xdg returns dir, unless it is not absolute: then the XDG rules say to ignore it.
func xdg(dir, home string, elements ...string) string {
	if filepath.IsAbs(dir) {
		return dir
	}
	return under(home, elements...)
}

func under(home string, elements ...string) string {
	if home == "" {
		return ""
	}
	return filepath.Join(append([]string{home}, elements...)...)
}
