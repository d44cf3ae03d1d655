package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"forcecred/internal/regularfile"
	"forcecred/internal/text"
)

// File is the content of config.json.
type File struct {
	Keystore string `json:"keystore"`           // the keystore that is pinned
	Fallback string `json:"fallback,omitempty"` // the keystore for orgs that are not in Keystore, or ""
}

// versioned is a File as it is written.
type versioned struct {
	Version int `json:"version"`
	File
}

const (
	fileVersion = 1
	maxFileSize = 64 << 10
)

// ErrNewer is the error for a config.json that a newer forcecred wrote.
var ErrNewer = errors.New("a newer forcecred wrote it")

// ReadFile reads config.json. It returns the zero File if there is none: nothing is
// stored yet. A file that can't be read is an error: with another keystore, all
// orgs would seem to be gone.
func (p Paths) ReadFile() (File, error) {
	data, err := regularfile.Read(p.ConfigFile(), maxFileSize)
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, nil
	}
	if err != nil {
		return File{}, err
	}
	if data, err = text.Plain(data); err != nil {
		return File{}, fmt.Errorf("%s: %w", p.ConfigFile(), err)
	}
	var v versioned
	switch {
	case json.Unmarshal(data, &v) != nil, v.Version < 1, v.Keystore == "":
		return File{}, fmt.Errorf("%s is not a file that forcecred wrote", p.ConfigFile())
	case v.Version > fileVersion:
		return File{}, fmt.Errorf("%s has version %d, this forcecred knows %d: %w", p.ConfigFile(), v.Version, fileVersion, ErrNewer)
	}
	return v.File, nil
}

// Encode returns the bytes of config.json.
func (f File) Encode() []byte {
	data, err := json.Marshal(versioned{fileVersion, f})
	if err != nil {
		panic(err) // a struct of a number and strings always encodes
	}
	return append(data, '\n')
}
