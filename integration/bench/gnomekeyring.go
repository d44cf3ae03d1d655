package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"forcecred/internal/desktop"
	"forcecred/internal/orgtest"
)

// prepareGNOMEKeyring: a cached get from the collection "login" of gnome-keyring,
// beside programs that read an item of the same size from there.
func prepareGNOMEKeyring(ctx context.Context, g *ground) ([]*contender, error) {
	const ours, tool, docker = "forcecred get prod", "secret-tool lookup", "docker-credential-secretservice get"
	if why := missing("dbus-daemon", "dbus-send", "gnome-keyring-daemon"); why != "" {
		return []*contender{absent(ours, why), absent(tool, why), absent(docker, why)}, nil
	}
	d, err := g.desk()
	if err != nil {
		return nil, err
	}
	if err := d.StartGNOMEKeyring(); err != nil {
		return nil, err
	}
	o, err := g.startOrg(ctx, place(d.Command).with("FORCECRED_KEYSTORE=secret-service", "FORCECRED_HOME="+filepath.Join(d.Home, "forcecred")), "prod", orgtest.Config{})
	if err != nil {
		return nil, err
	}
	// What it is made of has dialled the session bus.
	all := []*contender{o.cachedGet(), g.linkedProcess(o.at)}
	if why := missing("secret-tool"); why != "" {
		return append(all, absent(tool, why), absent(docker, why+", which would tell how large its item has to be")), nil
	}
	lookup := func() *exec.Cmd { return d.Command("secret-tool", "lookup", "profile", "forcecred:token/prod") }
	c, item, err := g.reader(tool, lookup)
	if err != nil {
		return nil, err
	}
	c.budget.Ratio = 0.6
	all = append(all, c)
	if why := missing("docker-credential-secretservice"); why != "" {
		return append(all, absent(docker, why)), nil
	}
	c, err = g.dockerGet(docker, d, len(item))
	return append(all, c), err
}

// dockerGet has Docker's helper store a secret of that size, and returns the
// contender that gets it.
func (g *ground) dockerGet(name string, d *desktop.Desk, size int) (*contender, error) {
	const helper, server = "docker-credential-secretservice", "https://registry.invalid"
	secret := "test-secret-" + strings.Repeat("x", max(0, size-len("test-secret-")))
	store := d.Command(helper, "store")
	store.Stdin = strings.NewReader(fmt.Sprintf(`{"ServerURL":%q,"Username":"test","Secret":%q}`, server, secret))
	if err := store.Run(); err != nil {
		return nil, fmt.Errorf("%s store: %w", helper, err)
	}
	c := g.process(name, always(secret), func() *exec.Cmd {
		cmd := d.Command(helper, "get")
		cmd.Stdin = strings.NewReader(server)
		return cmd
	})
	c.budget.Ratio = 0.5
	return c, nil
}
