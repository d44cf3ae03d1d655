package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"forcecred/internal/regularfile"
)

// Pin is what config.json says, which holds no secret.
type Pin struct {
	Keystore string `json:"keystore"`           // the one that is used
	Fallback string `json:"fallback,omitempty"` // where an org is looked for that is not in Keystore, or ""
}

// config is a Pin as it is written.
type config struct {
	Version int `json:"version"`
	Pin
}

const (
	configVersion = 1
	maxConfig     = 64 << 10
)

// ConfigFile returns the path of config.json.
func (h Home) ConfigFile() string { return filepath.Join(h.Data, "config.json") }

// ErrNewer says that config.json is a newer forcecred's.
var ErrNewer = errors.New("a newer forcecred wrote it")

// Pinned returns what config.json says, or the zero Pin when there is no such
// file: then nothing was stored yet. A file that can't be read
// is an error, since with another keystore all orgs would seem to be gone.
func (h Home) Pinned() (Pin, error) {
	data, err := regularfile.Read(h.ConfigFile(), maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return Pin{}, nil
	}
	if err != nil {
		return Pin{}, err
	}
	var c config
	switch {
	case json.Unmarshal(data, &c) != nil, c.Version < 1, c.Keystore == "":
		return Pin{}, fmt.Errorf("%s is not what forcecred writes", h.ConfigFile())
	case c.Version > configVersion:
		return Pin{}, fmt.Errorf("%s has version %d, this forcecred knows %d: %w", h.ConfigFile(), c.Version, configVersion, ErrNewer)
	}
	return c.Pin, nil
}

// Config returns what config.json holds for pin.
func Config(pin Pin) []byte {
	data, err := json.Marshal(config{configVersion, pin})
	if err != nil {
		panic(err) // a struct of a number and strings always encodes
	}
	return append(data, '\n')
}
