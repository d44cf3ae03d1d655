package main

import (
	"context"
	"os/exec"
	"path/filepath"

	"forcecred/internal/orgtest"
)

// preparePass: a cached get from pass, beside pass showing the same item. Both
// have to wait for gpg.
func preparePass(ctx context.Context, g *ground) ([]*contender, error) {
	const ours, show = "forcecred get prod", "pass show"
	if why := missing("pass", "gpg", "gpgconf"); why != "" {
		return []*contender{absent(ours, why), absent(show, why)}, nil
	}
	d, err := g.desk()
	if err != nil {
		return nil, err
	}
	if err := d.StartPass(); err != nil {
		return nil, err
	}
	o, err := g.startOrg(ctx, place(d.Command).with("FORCECRED_KEYSTORE=pass", "FORCECRED_HOME="+filepath.Join(d.Home, "forcecred")), "prod", orgtest.Config{})
	if err != nil {
		return nil, err
	}
	peer, _, err := g.reader(show, func() *exec.Cmd { return d.Command("pass", "show", "forcecred/forcecred:token/prod") })
	return []*contender{o.cachedGet(), peer}, err
}
