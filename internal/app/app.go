// Package app wires a helper to what the environment names.
package app

import (
	"context"
	"path/filepath"
	"runtime/debug"
	"time"

	"forcecred/helper"
	"forcecred/internal/config"
	"forcecred/internal/failures"
	"forcecred/internal/privatefile"
)

// Process is what a helper needs of the process that it runs in.
type Process struct {
	Getenv      func(string) string
	Environ     func() []string         // as the process was given it
	HoldSignals func() (release func()) // see helper.Helper
	Notice      func(message string)    // tells a person something that is no failure
}

// Helper is a helper that is wired to the keystore that its orgs are in.
type Helper struct {
	*helper.Helper
	process  Process
	keystore chosen
	home     config.Home
}

// Open wires what the environment names. Its error is a [*protocol.Error].
func (p Process) Open(ctx context.Context) (Helper, error) {
	at, err := p.findHome()
	if err != nil {
		return Helper{}, err
	}
	name, err := p.chooseKeystore(ctx, at)
	if err != nil {
		return Helper{}, err
	}
	store, kept, err := p.openKeystore(name, at)
	if err != nil {
		return Helper{}, err
	}
	return Helper{&helper.Helper{
		Keystore:    store,
		Journal:     kept,
		Failures:    newFailures(&failures.Failures{Dir: filepath.Join(at.Data, "failures")}, store),
		Connect:     p.connector(),
		ReadKey:     privatefile.ReadSecret,
		HoldSignals: p.HoldSignals,
		Warn:        func(message string) { p.Notice("warning: " + message) },
		Now:         time.Now,
		Wait:        wait,
	}, p, name, at}, nil
}

// Version returns the version that the go command stamped on the binary.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// wait sleeps, or returns the context's error when that ends first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
