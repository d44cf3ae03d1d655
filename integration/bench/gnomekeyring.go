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

// prepareGNOMEKeyring measures a cached get from gnome-keyring's collection "login", and
// programs that read an item of the same size from it.
func prepareGNOMEKeyring(ctx context.Context, fx *fixture) ([]*candidate, error) {
	const ours, tool, docker = "forcecred get prod", "secret-tool lookup", "docker-credential-secretservice get"
	if why := missing("dbus-daemon", "dbus-send", "gnome-keyring-daemon"); why != "" {
		return []*candidate{absent(ours, why), absent(tool, why), absent(docker, why)}, nil
	}
	d, err := fx.desktop()
	if err != nil {
		return nil, err
	}
	if err := d.StartGNOMEKeyring(); err != nil {
		return nil, err
	}
	o, err := fx.startOrg(ctx, commandFunc(d.Command).with("FORCECRED_KEYSTORE=secret-service", "FORCECRED_HOME="+filepath.Join(d.Home, "forcecred")), "prod", orgtest.Config{})
	if err != nil {
		return nil, err
	}
	// With the session bus, which forcecred's packages may dial.
	all := []*candidate{o.cachedGet(), fx.linkedProcess(o.at)}
	if why := missing("secret-tool"); why != "" {
		return append(all, absent(tool, why), absent(docker, why+", which would tell how large its item has to be")), nil
	}
	lookup := func() *exec.Cmd { return d.Command("secret-tool", "lookup", "profile", "forcecred:token/prod") }
	c, item, err := fx.reader(tool, lookup)
	if err != nil {
		return nil, err
	}
	c.budget.Ratio = 0.6
	all = append(all, c)
	if why := missing("docker-credential-secretservice"); why != "" {
		return append(all, absent(docker, why)), nil
	}
	c, err = fx.dockerGet(docker, d, len(item))
	return append(all, c), err
}

// dockerGet stores a secret of that size with Docker's helper, and returns the candidate
// that gets it.
func (fx *fixture) dockerGet(name string, d *desktop.Desktop, size int) (*candidate, error) {
	const helper, server = "docker-credential-secretservice", "https://registry.invalid"
	secret := "test-secret-" + strings.Repeat("x", max(0, size-len("test-secret-")))
	store := d.Command(helper, "store")
	store.Stdin = strings.NewReader(fmt.Sprintf(`{"ServerURL":%q,"Username":"test","Secret":%q}`, server, secret))
	if err := store.Run(); err != nil {
		return nil, fmt.Errorf("%s store: %w", helper, err)
	}
	c := fx.process(name, always(secret), func() *exec.Cmd {
		cmd := d.Command(helper, "get")
		cmd.Stdin = strings.NewReader(server)
		return cmd
	})
	c.budget.Ratio = 0.5
	return c, nil
}
