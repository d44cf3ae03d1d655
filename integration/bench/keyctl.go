package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"forcecred/internal/orgtest"
)

// prepareKeyCtl measures a cached get from the kernel's keyring, and keyctl printing the
// same key by its id, without a search.
func prepareKeyCtl(ctx context.Context, fx *fixture) ([]*candidate, error) {
	const ours, print = "forcecred get", "keyctl pipe"
	why := missing("keyctl")
	if why == "" && exec.Command("keyctl", "show", "@u").Run() != nil {
		why = "the kernel gives no keyrings here"
	}
	if why != "" {
		return []*candidate{absent(ours, why), absent(print, why)}, nil
	}
	// The user's own orgs may be in this keyring.
	name := fmt.Sprintf("bench-%d", os.Getpid())
	o, err := fx.startOrg(ctx, commandFunc(exec.Command).with("FORCECRED_KEYSTORE=keyctl", "FORCECRED_HOME="+filepath.Join(fx.dir, "home")), name, orgtest.Config{})
	if err != nil {
		return nil, err
	}
	ring, err := search("@u", "keyring", "forcecred")
	if err != nil {
		return nil, err
	}
	key, err := search(ring, "user", "forcecred:token/"+name)
	if err != nil {
		return nil, err
	}
	get := o.cachedGet()
	get.name = ours
	peer, _, err := fx.reader(print, func() *exec.Cmd { return exec.Command("keyctl", "pipe", key) })
	return []*candidate{get, peer}, err
}

// search returns the id of a key.
func search(ring, kind, name string) (string, error) {
	out, err := exec.Command("keyctl", "search", ring, kind, name).Output()
	if err != nil {
		return "", fmt.Errorf("keyctl search %s: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}
