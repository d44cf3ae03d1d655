// Package app wires a helper to the keystore and the network that the settings name.
package app

import (
	"context"
	"path/filepath"
	"runtime/debug"

	"forcecred/helper"
	"forcecred/internal/config"
	"forcecred/internal/failures"
	"forcecred/internal/hints"
	"forcecred/internal/privatefile"
	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// App opens what a process's settings name.
type App struct {
	Config      *config.Config
	Environ     func() []string         // the process's environment, as its parent set it
	HoldSignals func() (release func()) // see helper.Config
	Notice      func(message string)    // shows a person a message that is not an error
	MemoryCache bool                    // see helper.Config
}

// Helper is a helper that is wired to the keystore that its orgs are in.
type Helper struct {
	*helper.Helper
	Keystore keystore.Store
	config   helper.Config
	app      App
	keystore chosen
	paths    config.Paths
}

// Open wires a helper. Its error is a [*protocol.Error].
func (a App) Open(ctx context.Context) (Helper, error) {
	paths, err := a.findPaths()
	if err != nil {
		return Helper{}, err
	}
	name, err := a.chooseKeystore(ctx, paths)
	if err != nil {
		return Helper{}, err
	}
	store, kept, err := a.openKeystore(name, paths)
	if err != nil {
		return Helper{}, err
	}
	config := helper.Config{
		Keystore:    store,
		Journal:     kept,
		Failures:    newFailures(&failures.Failures{Dir: filepath.Join(paths.DataDir, "failures")}, store),
		Connect:     a.connector(),
		ReadKey:     privatefile.ReadSecret,
		HoldSignals: a.HoldSignals,
		Warn:        a.warn,
		MemoryCache: a.MemoryCache,
	}
	return Helper{helper.New(config), store, config, a, name, paths}, nil
}

// Version returns the version that the go command stamped on the binary.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// warn gives notice of something that failed nothing, and of what to do about it.
func (a App) warn(message string, todo remedy.Remedy) {
	if hint := hints.Text(todo); hint != "" {
		message += "; " + hint
	}
	a.Notice("warning: " + message)
}
