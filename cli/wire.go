package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"forcecred/helper"
	"forcecred/keystore/home"
	"forcecred/keystore/journal"
	"forcecred/protocol"
	"forcecred/salesforce"
)

// wired is a helper with what its command has to know of where things lie.
type wired struct {
	*helper.Helper
	keystore chosen
	home     home.Home
}

// helper wires what the environment names: a keystore, and a way to Salesforce.
func (p Process) helper(ctx context.Context) (wired, error) {
	at, err := home.Find(runtime.GOOS, p.Getenv)
	if err != nil {
		return wired{}, protocol.Errorf(protocol.Usage, "%v", err)
	}
	name, err := p.chooseKeystore(ctx, at)
	if err != nil {
		return wired{}, err
	}
	store, err := p.openKeystore(name, at)
	if err != nil {
		return wired{}, err
	}
	return wired{&helper.Helper{
		Keystore:    store,
		Journal:     &journal.Journal{Dir: filepath.Join(at.Data, "journal")},
		Connect:     p.connect,
		HoldSignals: p.HoldSignals,
		Warn:        p.warn,
		Now:         time.Now,
		Wait:        wait,
	}, name, at}, nil
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
	roots, err := extraRoots(p.Getenv("FORCECRED_CA_FILE"))
	if err == nil {
		var client *salesforce.Client
		if client, err = salesforce.NewClient(salesforce.Config{ExtraRoots: roots, UserAgent: "forcecred/" + version()}); err == nil {
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
