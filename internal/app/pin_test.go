package app

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"forcecred/internal/config"
	"forcecred/internal/hints"
	"forcecred/protocol"
)

func newPinner(dataDir string, c choice, notices *[]string) Helper {
	return Helper{choice: c, paths: config.Paths{DataDir: dataDir}, app: App{Notice: func(message string) { *notices = append(*notices, message) }}}
}

// TestPinnedElsewhere: an org that this process has stored in a keystore which no other
// process uses is an error, unless the environment names that keystore.
func TestPinnedElsewhere(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	var notices []string
	if err := newPinner(data, choice{name: fileKeystore}, &notices).PinKeystore(); err != nil || len(notices) != 1 {
		t.Fatalf("%v; %q", err, notices)
	}
	if err := newPinner(data, choice{name: fileKeystore}, &notices).PinKeystore(); err != nil || len(notices) != 1 {
		t.Errorf("again: %v; %q", err, notices)
	}
	err := newPinner(data, choice{name: "secret-service"}, &notices).PinKeystore()
	if e, ok := errors.AsType[*protocol.Error](err); !ok || e.Code != protocol.KeystoreUnavailable || !strings.Contains(e.Message, "pins another keystore now: file") || !strings.Contains(hints.Of(e), "FORCECRED_KEYSTORE=secret-service") {
		t.Errorf("another keystore: %v", err)
	}
	if err := newPinner(data, choice{name: "keyctl", isNamed: true}, &notices).PinKeystore(); err != nil || len(notices) != 1 {
		t.Errorf("a named keystore: %v; %q", err, notices)
	}
	if file, err := readFile(config.Paths{DataDir: data}); file != (config.File{Keystore: fileKeystore}) {
		t.Errorf("config.json has %v, %v", file, err)
	}
}

// TestPinAtOnce: of two processes that change config.json, none undoes the other's change,
// and one of two keystores gets an error.
func TestPinAtOnce(t *testing.T) {
	t.Parallel()
	for range 50 {
		data := filepath.Join(t.TempDir(), "data")
		var all sync.WaitGroup
		errs := make([]error, 3)
		notices := make([][]string, 3)
		changes := []func() error{
			newPinner(data, choice{name: fileKeystore}, &notices[0]).PinKeystore,
			newPinner(data, choice{name: "secret-service"}, &notices[1]).PinKeystore,
			newPinner(data, choice{name: fileKeystore}, &notices[2]).UseSalesforceCLI,
		}
		for i, change := range changes {
			all.Go(func() { errs[i] = change() })
		}
		all.Wait()
		file, err := readFile(config.Paths{DataDir: data})
		if err != nil || file.Fallback != sfKeystore {
			t.Fatalf("config.json has %v, %v", file, err)
		}
		for i, name := range []string{fileKeystore, "secret-service"} {
			if (errs[i] == nil) != (file.Keystore == name) {
				t.Fatalf("config.json has %v; %s got %v", file, name, errs[i])
			}
		}
		if errs[2] != nil {
			t.Fatal(errs[2])
		}
	}
}
