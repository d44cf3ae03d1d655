// Package setup wires a helper to the keystore and the network that the environment names.
package setup

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"forcecred/helper"
	"forcecred/keystore/home"
	"forcecred/keystore/journal"
	"forcecred/protocol"
	"forcecred/salesforce"
)

// Process is what a helper needs of the process that it runs in.
type Process struct {
	Getenv      func(string) string
	HoldSignals func() (release func()) // see helper.Helper
	Notice      func(message string)    // tells a person something that is no failure
}

// Helper is a helper that is wired to the keystore that its orgs are in.
type Helper struct {
	*helper.Helper
	keystore string // its name
	home     home.Home
	notice   func(message string)
}

// Open wires what the environment names. Its error is a [*protocol.Error].
func (p Process) Open(ctx context.Context) (Helper, error) {
	at, err := home.Find(runtime.GOOS, p.Getenv)
	if err != nil {
		return Helper{}, protocol.Errorf(protocol.Usage, "%v", err)
	}
	name, err := p.chooseKeystore(ctx, at)
	if err != nil {
		return Helper{}, err
	}
	store, err := p.openKeystore(name, at)
	if err != nil {
		return Helper{}, err
	}
	return Helper{&helper.Helper{
		Keystore:    store,
		Journal:     &journal.Journal{Dir: filepath.Join(at.Data, "journal")},
		Connect:     p.connect,
		HoldSignals: p.HoldSignals,
		Warn:        func(message string) { p.Notice("warning: " + message) },
		Now:         time.Now,
		Wait:        wait,
	}, name, at, p.Notice}, nil
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

// connect makes the client, which reads a file that a cached answer does not need.
func (p Process) connect() (helper.OAuth, error) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} { // as net/http reads them
		if setting := p.Getenv(name); setting != "" {
			if err := salesforce.CheckProxy(setting); err != nil {
				return nil, protocol.Errorf(protocol.Usage, "use %s: %v", name, err)
			}
			break
		}
	}
	roots, err := extraRoots(p.Getenv("FORCECRED_CA_FILE"))
	if err == nil {
		var client *salesforce.Client
		if client, err = salesforce.NewClient(salesforce.Config{ExtraRoots: roots, UserAgent: "forcecred/" + Version()}); err == nil {
			return client, nil
		}
	}
	return nil, protocol.Errorf(protocol.Usage, "use FORCECRED_CA_FILE: %v", err)
}

// maxCAFile is more than the whole of a system's root certificates.
const maxCAFile = 4 << 20

func extraRoots(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	roots, err := io.ReadAll(io.LimitReader(file, maxCAFile+1))
	if err == nil && len(roots) > maxCAFile {
		err = fmt.Errorf("%s is larger than %d MiB", path, maxCAFile>>20)
	}
	return roots, err
}
