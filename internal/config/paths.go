package config

import (
	"fmt"
	"path/filepath"
	"runtime"
)

// Paths are the places of forcecred's files. All paths are absolute.
type Paths struct {
	DataDir      string // the folder of items, locks, journal and config.json
	IdentityFile string // the age identity

	// UserHome is the user's home directory, if one of the paths is in it by default.
	// forcecred never creates it. Else it is "".
	UserHome string

	IsDataDirSet      bool // by FORCECRED_HOME
	IsIdentityFileSet bool // by FORCECRED_HOME or FORCECRED_KEY_FILE
}

// ConfigFile returns the path of config.json.
func (p Paths) ConfigFile() string { return filepath.Join(p.DataDir, "config.json") }

// Paths returns the places of forcecred's files: FORCECRED_HOME for all of them, or
// the system's own folders for a program's data and its configuration. A variable
// with a relative path is an error.
func (c *Config) Paths() (Paths, error) { return c.pathsOn(runtime.GOOS) }

func (c *Config) pathsOn(goos string) (Paths, error) {
	identity, err := c.KeyFile.Path()
	if err != nil {
		return Paths{}, err
	}
	home, err := c.Home.Path()
	if err != nil {
		return Paths{}, err
	}
	if home != "" {
		if identity == "" {
			identity = filepath.Join(home, "identity.txt")
		}
		return Paths{DataDir: home, IdentityFile: identity, IsDataDirSet: true, IsIdentityFileSet: true}, nil
	}
	data, config := c.systemFolders(goos)
	p := Paths{IdentityFile: identity, IsIdentityFileSet: identity != ""}
	if p.DataDir, err = data.path(&p); err != nil {
		return Paths{}, err
	}
	if !p.IsIdentityFileSet {
		folder, err := config.path(&p)
		if err != nil {
			return Paths{}, err
		}
		p.IdentityFile = filepath.Join(folder, "identity.txt")
	}
	return p, nil
}

// systemFolder is a folder for one kind of files, of all programs.
type systemFolder struct {
	base       Setting
	below      []string // the folders below base
	isUserHome bool     // base is the user's home directory
}

// systemFolders returns the folders for data and configuration.
func (c *Config) systemFolders(goos string) (data, config systemFolder) {
	switch goos {
	case "windows":
		return systemFolder{base: c.LocalAppData}, systemFolder{base: c.AppData}
	case "darwin":
		data = systemFolder{c.UserHome, []string{"Library", "Application Support"}, true}
		return data, data
	}
	data, config = systemFolder{c.UserHome, []string{".local", "share"}, true}, systemFolder{c.UserHome, []string{".config"}, true}
	// The XDG rules say to ignore a relative path.
	if filepath.IsAbs(c.DataHome.Value) {
		data = systemFolder{base: c.DataHome}
	}
	if filepath.IsAbs(c.ConfigHome.Value) {
		config = systemFolder{base: c.ConfigHome}
	}
	return data, config
}

// path returns forcecred's own folder in f, and notes in p if it is in the user's home
// directory.
func (f systemFolder) path(p *Paths) (string, error) {
	base, err := f.base.Path()
	switch {
	case err != nil:
		return "", err
	case base == "":
		return "", fmt.Errorf("%s is not set; set it, or set %s to a folder for all files", f.base.Name, HomeVariable)
	case f.isUserHome:
		p.UserHome = base
	}
	return filepath.Join(append(append([]string{base}, f.below...), "forcecred")...), nil
}
