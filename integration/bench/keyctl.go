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

// prepareKeyCtl: a cached get from the kernel's keyring, beside keyctl printing
// the same key by its number, which it need not look for.
func prepareKeyCtl(ctx context.Context, g *ground) ([]*contender, error) {
	const ours, print = "forcecred get", "keyctl pipe"
	why := missing("keyctl")
	if why == "" && exec.Command("keyctl", "show", "@u").Run() != nil {
		why = "the kernel gives no keyrings here"
	}
	if why != "" {
		return []*contender{absent(ours, why), absent(print, why)}, nil
	}
	// The keyring is the one that the user's own orgs may be in.
	name := fmt.Sprintf("bench-%d", os.Getpid())
	o, err := g.startOrg(ctx, place(exec.Command).with("FORCECRED_KEYSTORE=keyctl", "FORCECRED_HOME="+filepath.Join(g.dir, "home")), name, orgtest.Config{})
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
	peer, _, err := g.reader(print, func() *exec.Cmd { return exec.Command("keyctl", "pipe", key) })
	return []*contender{get, peer}, err
}

// search returns the number of a key.
func search(ring, kind, name string) (string, error) {
	out, err := exec.Command("keyctl", "search", ring, kind, name).Output()
	if err != nil {
		return "", fmt.Errorf("keyctl search %s: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}
