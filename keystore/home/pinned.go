package home

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// config is config.json, which holds no secret.
type config struct {
	Version  int    `json:"version"`
	Keystore string `json:"keystore"`
}

const (
	configVersion = 1
	maxConfig     = 64 << 10
)

// ConfigFile returns the path of config.json.
func (h Home) ConfigFile() string { return filepath.Join(h.Data, "config.json") }

// Pinned returns the name of the keystore that config.json pins, or "" when
// there is no such file: then nothing was stored yet. A file that can't be read
// is an error, since with another keystore all orgs would seem to be gone.
func (h Home) Pinned() (keystore string, err error) {
	file, err := os.Open(h.ConfigFile())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	if err != nil {
		return "", err
	}
	var c config
	switch {
	case len(data) > maxConfig, json.Unmarshal(data, &c) != nil, c.Version < 1, c.Keystore == "":
		return "", fmt.Errorf("%s is not what forcecred writes", h.ConfigFile())
	case c.Version > configVersion:
		return "", fmt.Errorf("%s has version %d, this forcecred knows %d", h.ConfigFile(), c.Version, configVersion)
	}
	return c.Keystore, nil
}

// Config returns what config.json holds when it pins keystore.
func Config(keystore string) []byte {
	data, err := json.Marshal(config{configVersion, keystore})
	if err != nil {
		panic(err) // a struct of a number and a string always encodes
	}
	return append(data, '\n')
}
