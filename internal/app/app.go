// Package app wires a helper to the keystore and the network that the settings name.
package app

import (
	"context"
	"io"
	"path/filepath"
	"runtime/debug"

	"forcecred/helper"
	"forcecred/internal/config"
	"forcecred/internal/failures"
	"forcecred/internal/hints"
	"forcecred/internal/privatefile"
	"forcecred/internal/refusals"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// App opens keystores, helpers and examinations as the settings say.
type App struct {
	Config      *config.Config
	Environ     func() []string         // the process's environment, as its parent set it
	HoldSignals func() (release func()) // see helper.Config
	Notice      func(message string)    // shows a person a message that is not an error
	MemoryCache bool                    // see helper.Config

	// Worker is the program that refreshes in a process of its own if it is run with
	// [WorkerCommand]; "" if this process refreshes. Stderr gets what the worker prints there.
	Worker string
	Stderr io.Writer

	// HoldStart, if not nil, is called before a worker's process is made; release, when it
	// is. A signal that ends this process in between might leave that process behind.
	HoldStart func() (release func())

	// AwaitWorker, if not nil, is called before a worker starts; done, after it has
	// answered. A process that ends in between loses the answer, but no login.
	AwaitWorker func() (done func())

	// In a worker, or nil: beforeAnswer is called before it answers; early is helper.Config.Early.
	beforeAnswer func()
	early        func(protocol.Credential)
}

// Helper is a helper with the keystore of its orgs.
type Helper struct {
	*helper.Helper
	Keystore keystore.Store
	config   helper.Config
	app      App
	choice   choice // how Keystore was chosen
	paths    config.Paths
}

// Open wires a helper. Its error is a [*protocol.Error].
func (a App) Open(ctx context.Context) (Helper, error) {
	paths, err := a.findPaths()
	if err != nil {
		return Helper{}, err
	}
	c, err := a.chooseKeystore(ctx, paths)
	if err != nil {
		return Helper{}, err
	}
	store, journal, err := a.openKeystore(c, paths)
	if err != nil {
		return Helper{}, err
	}
	config := helper.Config{
		Keystore:    store,
		Journal:     journal,
		Failures:    newFailures(&failures.Failures{Dir: filepath.Join(paths.DataDir, failuresFolder)}, store),
		Refusals:    newRefusals(&refusals.Refusals{Dir: filepath.Join(paths.DataDir, "refusals")}, store),
		Connect:     a.connector(),
		ReadKey:     privatefile.ReadSecret,
		HoldSignals: a.HoldSignals,
		Early:       a.early,
		Warn:        a.warn,
		MemoryCache: a.MemoryCache,
	}
	if a.Worker != "" {
		config.Worker = workers{a}
	}
	return Helper{helper.New(config), store, config, a, c, paths}, nil
}

// Version returns the version that the go command stamped on the binary.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// warn shows a person a warning, with what to do about it.
func (a App) warn(message string, todo remedy.Remedy) {
	if hint := hints.Text(todo); hint != "" {
		message += "; " + hint
	}
	a.Notice("warning: " + message)
}
