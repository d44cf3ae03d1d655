package cli

import (
	"errors"
	"fmt"
	"path/filepath"
)

// places are where forcecred keeps its files.
type places struct {
	data     string // the folder of items and locks
	identity string // the age identity file
}

// findPlaces returns where the files lie on that system: all in FORCECRED_HOME,
// or where the system's own rules put a program's data and its configuration.
func findPlaces(goos string, getenv func(string) string) (places, error) {
	at, err := defaultPlaces(goos, getenv)
	if home := getenv("FORCECRED_HOME"); home != "" {
		if !filepath.IsAbs(home) {
			return places{}, errors.New("FORCECRED_HOME is not an absolute path")
		}
		at, err = places{home, filepath.Join(home, "identity.txt")}, nil
	}
	if file := getenv("FORCECRED_KEY_FILE"); file != "" {
		at.identity = file
	}
	return at, err
}

func defaultPlaces(goos string, getenv func(string) string) (places, error) {
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
		return places{}, fmt.Errorf("%s is not set; FORCECRED_HOME can name the folder for all files", missing)
	}
	return places{filepath.Join(data, "forcecred"), filepath.Join(config, "forcecred", "identity.txt")}, nil
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
